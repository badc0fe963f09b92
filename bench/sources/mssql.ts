import { Connection, Request } from 'tedious';
import { MssqlConfig } from '../../connectors/mssql/config.ts';
import { createMssqlDatabase, OWN, PASSWORD } from '../../test/connectors/mssqlDatabase.ts';
import type { Contestant, Task } from './contestant.ts';

export async function start(rows: number): Promise<Contestant | string> {
  if (OWN.server === null) return OWN.name;
  const database = await createMssqlDatabase(OWN.server, rows);
  await database.admin.rows(`
    SELECT n AS id, CONCAT('person', n, '@example.com') AS email, CONCAT('First', n % 1000) AS first_name,
      CONCAT('Last', n % 7919) AS last_name, CASE n % 3 WHEN 0 THEN 'free' WHEN 1 THEN 'basic' ELSE 'pro' END AS [plan],
      n % 365 AS visits, CAST((n % 100000) / 100.0 AS decimal(10,2)) AS spent,
      CAST(CASE n % 2 WHEN 0 THEN 1 ELSE 0 END AS bit) AS is_active,
      DATEADD(second, n, CAST('2020-01-01' AS datetime2)) AS created_at,
      CASE n % 5 WHEN 0 THEN 'Wrote "hello" to us' END AS note
    INTO people FROM numbers`);
  await database.admin.rows(`GRANT SELECT ON people TO ${database.reader}`);
  return {
    server: OWN.isBabelfish ? 'Babelfish' : 'SQL Server',
    config: database.config(),
    password: PASSWORD,
    sql: 'SELECT * FROM people',
    stop: () => database.drop(),
  };
}

/** The events of tedious, whose back-pressure nothing asks for here. */
export async function drain({ config, password, sql }: Task): Promise<number> {
  const { host, port, user, database, tls } = MssqlConfig.parse(config);
  const connection = new Connection({
    server: host,
    authentication: { type: 'default', options: { userName: user, password } },
    options: {
      port,
      database,
      encrypt: tls !== 'off',
      trustServerCertificate: true,
      requestTimeout: 0,
      packetSize: 16_000,
    },
  });
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error === undefined ? resolve() : reject(error)));
  });
  let rows = 0;
  await new Promise<void>((resolve, reject) => {
    const request = new Request(sql, (error) => (error ? reject(error) : resolve()));
    request.on('row', () => (rows += 1));
    connection.execSqlBatch(request);
  });
  connection.close();
  return rows;
}
