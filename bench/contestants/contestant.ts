import type { PostgresServer } from '../../dev/postgres.ts';
import type { BenchTable } from '../tables.ts';

/** What all contestants share. */
export interface Bench {
  readonly postgres: PostgresServer;
  readonly receiver: string;
  /** For temporary files. */
  readonly folder: string;
  /** Where what contestants need is installed; it is kept. */
  readonly packages: string;
}

export interface Figures {
  /** From its start to its end. */
  readonly ms: number;
  readonly cpuMs: number | null;
  readonly peakMb: number | null;
  /** Whatever else is known of it. */
  readonly more?: Readonly<Record<string, number>>;
}

/** A contestant that is ready. */
export interface Competitor {
  /** Moves the rows of a table. */
  run(table: BenchTable): Promise<Figures>;
  stop?(): Promise<void>;
}

/** One way to get the rows of a query to the receiver; a file of this folder. */
export interface Contestant {
  readonly name: string;
  /** What it does, and how it is tuned. */
  readonly how: string;
  /** Whether the rows arrive at the receiver. */
  readonly delivers: boolean;
  /** More rows than this take too long; the rate is that of fewer. */
  readonly rowsMax: { readonly quick: number; readonly full: number };
  /** Sets it up, or says why it cannot compete here. */
  start(bench: Bench): Promise<Competitor | string>;
}

/** What a script is told. */
export function scriptEnv({ postgres, receiver }: Bench, { query }: BenchTable): NodeJS.ProcessEnv {
  const { host, port, user, password } = postgres;
  const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres`;
  return { ...process.env, BENCH_POSTGRES: url, BENCH_RECEIVER: receiver, BENCH_QUERY: query };
}
