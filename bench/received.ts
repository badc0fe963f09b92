import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import type { BenchTable } from './tables.ts';

/** What came to the receiver since it last forgot. */
export interface Counts {
  readonly requests: number;
  readonly calls: number;
  readonly bytes: number;
  readonly distinct: number;
}

/** The receiver's process, as seen from here. */
export class Receiver {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async forget(): Promise<void> {
    await fetch(this.url, { method: 'DELETE' });
  }

  async counts(): Promise<Counts> {
    return (await (await fetch(`${this.url}/counts`)).json()) as Counts;
  }

  /** The first body that came, or null. */
  async first(): Promise<unknown> {
    return await (await fetch(`${this.url}/first`)).json();
  }
}

interface Identify {
  readonly type: string;
  readonly userId: string;
  readonly traits: Record<string, unknown>;
}

/** Whether the calls of the first batch are those of their rows, as PostgreSQL itself writes these in JSON. */
export async function firstCallsAreRight(
  receiver: Receiver,
  sql: pg.Client,
  { query, rows: expected, shape }: BenchTable,
): Promise<boolean> {
  if (expected === 0) return (await receiver.first()) === null;
  const { batch } = (await receiver.first()) as { batch: readonly Identify[] };
  const ids = batch.map(({ userId }) => userId);
  const { rows } = await sql.query<{ id: string; row: Record<string, unknown> }>(
    `SELECT "userId"::text AS id, to_jsonb(q) - 'userId' - 'created_at' - 'context.ip' AS row
     FROM (${query}) q WHERE "userId" = ANY($1::bigint[])`,
    [ids],
  );
  const known = new Map(rows.map(({ id, row }) => [id, row]));
  return batch.every(({ type, userId, traits }) => {
    const { created_at: createdAt, ...others } = traits;
    const hasTime = shape !== 'narrow' || (typeof createdAt === 'string' && Date.parse(createdAt) > 0);
    return type === 'identify' && hasTime && isDeepStrictEqual(others, known.get(userId));
  });
}
