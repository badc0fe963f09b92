import { Connection, Request } from 'tedious';

/** A server, and a user with all rights to it. */
export interface MssqlServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly tls: 'require' | 'off';
}

/** The connection of a user with all rights, through the driver alone. */
export class Admin {
  readonly #connection: Connection;
  /** One request after another: the protocol knows no more. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async connect({ host, port, user, password, tls }: MssqlServer, database: string): Promise<Admin> {
    const connection = new Connection({
      server: host,
      authentication: { type: 'default', options: { userName: user, password } },
      options: {
        port,
        database,
        encrypt: tls === 'require',
        trustServerCertificate: true,
        requestTimeout: 0,
        rowCollectionOnRequestCompletion: true,
      },
    });
    await new Promise<void>((resolve, reject) => {
      connection.connect((error) => (error === undefined ? resolve() : reject(error)));
    });
    return new Admin(connection);
  }

  /** Rows as the driver reads them. */
  rows(sql: string): Promise<unknown[][]> {
    const answer = this.#last.then(() => this.#ask(sql));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  #ask(sql: string): Promise<unknown[][]> {
    return new Promise((resolve, reject) => {
      const request = new Request(sql, (error, _count, rows: { value: unknown }[][] = []) =>
        error ? reject(error) : resolve(rows.map((row) => row.map(({ value }) => value))),
      );
      this.#connection.execSqlBatch(request);
    });
  }

  close(): void {
    this.#connection.close();
  }
}
