import type { PostgresServer } from '../../dev/postgres.ts';
import type { MysqlServer } from '../../test/mariadb.ts';
import type { BenchTable, TableSpec } from '../tables.ts';

/** What all contestants share. */
export interface Bench {
  /** Whether it has two minutes for everything. */
  readonly isQuick: boolean;
  readonly postgres: PostgresServer;
  /** Or why there is none. */
  readonly mariadb: MariadbServer | string;
  /** Makes a table, unless it is there. */
  readonly make: (table: TableSpec) => Promise<BenchTable>;
  readonly receiver: string;
  /** For temporary files. */
  readonly folder: string;
  /** Where what contestants need is installed; it is kept. */
  readonly packages: string;
}

export interface MariadbServer extends MysqlServer {
  readonly database: string;
}

export interface Figures {
  /** From its start to its end. */
  readonly ms: number;
  readonly cpuMs: number | null;
  readonly peakMb: number | null;
  /** What only a run of Rowcast has. */
  readonly engine?: EngineFigures;
}

/** How a run went; NaN is not known. */
export interface EngineFigures {
  /** How long it waited for the end of the second in which it began. */
  readonly waitMs: number;
  /** How long it read and staged, without that wait, and delivered. */
  readonly extractMs: number;
  readonly deliverMs: number;
  readonly stagedBytes: number;
  readonly events: number;
  readonly historyBytes: number;
  readonly activities: number;
  /** Of Temporal's server. */
  readonly serverCpuMs: number;
}

/** A contestant that is ready. */
export interface Competitor {
  /** Moves the rows of a table. */
  run(table: BenchTable): Promise<Figures>;
  /** Begins anew before tables of another kind, so that those before have left nothing in memory. */
  renew?(): Promise<void>;
  stop?(): Promise<void>;
}

/** One way to get the rows of a query to the receiver; a file of this folder. */
export interface Contestant {
  readonly name: string;
  /** What it does, and how it is tuned. */
  readonly how: string;
  /** Whether the rows arrive at the receiver. */
  readonly delivers: boolean;
  /** Narrow rows; more would take too long. `wide`: of wide and heavy ones, where it is fewer still. */
  readonly rowsMax: { readonly quick: number; readonly full: number; readonly wide?: number };
  /** Which tables it can move: those of PostgreSQL that have rows, and no column of a call's context, unless said. */
  readonly canMove?: (table: TableSpec) => boolean;
  /** Sets it up, or says why it cannot compete here. */
  start(bench: Bench): Promise<Competitor | string>;
}

export function canMove({ canMove: can }: Contestant, table: TableSpec): boolean {
  if (can !== undefined) return can(table);
  return table.database === 'postgres' && table.rows > 0 && table.shape !== 'address';
}

/** What a script is told. */
export function scriptEnv({ postgres, receiver }: Bench, { query }: BenchTable): NodeJS.ProcessEnv {
  const { host, port, user, password } = postgres;
  const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres`;
  return { ...process.env, BENCH_POSTGRES: url, BENCH_RECEIVER: receiver, BENCH_QUERY: query };
}
