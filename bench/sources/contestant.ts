import type { SourceConfig } from '../../connectors/config.ts';

/** A source of the bench: a server that was started for it, and the query that is drained. */
export interface Contestant {
  /** What stands behind it. */
  readonly server: string;
  readonly config: SourceConfig;
  readonly password: string;
  /** Ten columns, as many rows as the bench was asked for. */
  readonly sql: string;
  stop(): Promise<void>;
}

/** What a child process is to read with. */
export interface Task {
  readonly config: SourceConfig;
  readonly password: string;
  readonly sql: string;
}

/**
 * A file of this folder: it starts its server, or says why there is none, and drains a query with nothing but the
 * driver, tuned as its documentation advises for large results.
 */
export interface BenchedSource {
  start(rows: number): Promise<Contestant | string>;
  /** @returns how many rows came. */
  drain(task: Task): Promise<number>;
}

/** The files of this folder that are sources. */
export const SOURCES = ['postgres', 'mysql', 'mssql', 'snowflake', 'bigquery'] as const;
export type SourceName = (typeof SOURCES)[number];

export const loadSource = async (name: SourceName): Promise<BenchedSource> =>
  (await import(`./${name}.ts`)) as BenchedSource;
