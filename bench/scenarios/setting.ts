import { join } from 'node:path';
import type { ImportRecord } from '../../client/index.ts';
import type { Bench } from '../contestants/contestant.ts';
import { endOf, startEngine } from '../engine.ts';
import type { Engine } from '../engine.ts';
import type { Receiver } from '../received.ts';
import { foundIn } from './found.ts';
import type { Found } from './found.ts';

const integrationTo = (destination: string) => `to-${destination}`;

export interface SettingOptions {
  /** Its name among the folders of the bench. */
  readonly name: string;
  readonly workers?: number;
  /** URLs of destinations by name; there is an integration of the bench's PostgreSQL to each. */
  readonly destinations: Readonly<Record<string, string>>;
}

/** Starts an engine that reads the bench's PostgreSQL. */
export async function startSetting(bench: Bench, options: SettingOptions): Promise<Engine> {
  const { name, workers = 1, destinations } = options;
  const { host, port, user } = bench.postgres;
  const password = { secret: 'password' };
  const source = { kind: 'postgres', host, port, database: 'postgres', user, password, tls: 'off' } as const;
  const env = {
    ROWCAST_SECRET_PASSWORD: bench.postgres.password,
    ROWCAST_SECRET_WRITE_KEY: 'bench-write-key',
  };
  const engine = await startEngine({ folder: join(bench.folder, name), workers, env });
  const { client } = engine;
  for (const [destination, url] of Object.entries(destinations)) {
    const writeKey = { secret: 'write-key' };
    await client.destinations.update({ name: destination, kind: 'customerio', url: `${url}/v1`, writeKey });
    await client.integrations.update({ name: integrationTo(destination), source, destination });
  }
  return engine;
}

/** A sync that is only run when asked to; its calls go to a destination of the setting. */
export async function makeSync(
  { client }: Engine,
  sync: { name: string; destination: string; query: string; cron?: string },
): Promise<void> {
  const { name, destination, query, cron } = sync;
  const timing = cron === undefined ? { every: '1 day' } : { cron };
  const integration = integrationTo(destination);
  await client.syncs.update({ name, integration, type: 'identify', query, ...timing }, { enabled: false });
}

/** Runs a sync and waits for its end. */
export async function runSync(engine: Engine, name: string): Promise<ImportRecord> {
  const { run } = await engine.client.syncs.run(name);
  return endOf(engine, run);
}

/** From the start of a run to its end, in milliseconds. */
export function lengthOf({ startedAt, endedAt }: ImportRecord): number {
  return Date.parse(endedAt ?? '') - Date.parse(startedAt);
}

/** Looks whether runs succeeded and each row of their tables, of so many rows each, came to one of the receivers. */
export async function checkRuns(
  runs: readonly ImportRecord[],
  rowsEach: number,
  receivers: readonly Receiver[],
): Promise<Found> {
  return foundIn(runs, rowsEach, await Promise.all(receivers.map((receiver) => receiver.counts())));
}

/** The middle one of values, or the one that so many percent of them do not exceed. */
export function quantile(values: readonly number[], percent = 50): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}

export const seconds = (ms: number) => (ms / 1_000).toFixed(2);
