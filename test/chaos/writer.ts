import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connectTo } from '../../dev/postgres.ts';
import type { PostgresServer } from '../../dev/postgres.ts';
import type { Random } from './random.ts';
import { TOO_LONG } from './syncs.ts';
import type { SyncPlan } from './syncs.ts';

/** One transaction of the writer, in milliseconds since 1970 by the database's clock. */
export interface Batch {
  /** It was not committed before. */
  readonly fromMs: number;
  /** It was committed by then; Infinity where that is not known, or it was not committed at all. */
  untilMs: number;
}

/** A change of a table's rows, as it was drawn. */
export interface DataChange {
  readonly plan: SyncPlan;
  readonly add: number;
  /** Every so many-th row is changed, or deleted. */
  readonly change: { readonly every: number; readonly rest: number } | null;
  readonly remove: { readonly every: number; readonly rest: number } | null;
  /** How long the transaction stays open after its rows have got their second. */
  readonly lateMs: number;
}

export function drawChange(random: Random, plan: SyncPlan): DataChange {
  const some = (fewest: number) => {
    const every = random.int(fewest, 40);
    return { every, rest: random.int(0, every - 1) };
  };
  const isChanged = plan.rows === 'changed';
  return {
    plan,
    add: random.pick([1, 5, 60, 400]),
    change: isChanged && random.chance(0.8) ? some(1) : null,
    remove: isChanged && random.chance(0.2) ? some(10) : null,
    lateMs: random.chance(0.1) ? random.int(800, 2_000) : 0,
  };
}

/** The history is written by the database itself, with the writer's number of the transaction. */
const REMEMBER = `
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN OLD.version := OLD.version + 1; NEW := OLD; END IF;
  EXECUTE format('INSERT INTO %I SELECT ($1).*, $2, $3', TG_TABLE_NAME || '_history')
    USING NEW, TG_OP = 'DELETE', current_setting('chaos.batch')::int;
  RETURN NULL;
END $$;
CREATE FUNCTION note_of(k int, version int, chars int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN k % 11 = 4 THEN NULL
    ELSE left(repeat(md5(k || ' ' || version), chars / 32 + 1), (k * 7919 + version) % chars) END
$$;`;

/** Nothing is begun so late in a second that it would be over before the commit. */
const YOUNG = 0.7;

/**
 * The one who changes the source's rows, a transaction at a time, and knows of each when it was committed.
 */
export class Writer {
  readonly batches: Batch[] = [];
  readonly #server: PostgresServer;
  readonly #database: string;
  readonly #nextK = new Map<string, number>();
  #client: pg.Client | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(server: PostgresServer, database: string) {
    this.#server = server;
    this.#database = database;
  }

  async prepare(plans: readonly SyncPlan[], reader: string): Promise<void> {
    const client = await this.#connected();
    await client.query(REMEMBER);
    for (const { table } of plans) {
      await client.query(`
        CREATE TABLE ${table} (k int, version int, person text, at timestamptz, note text, amount numeric(12, 2), flag boolean);
        CREATE TABLE ${table}_history (LIKE ${table}, gone boolean, batch int);
        CREATE INDEX ON ${table} (at, k);
        CREATE TRIGGER remember AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION remember();
        GRANT SELECT ON ${table} TO ${reader};`);
    }
    for (const plan of plans) {
      await this.change({ plan, add: plan.firstRows, change: null, remove: null, lateMs: 0 });
    }
  }

  /** Changes rows once its turn has come. @throws what the database says; the change may have been made or not. */
  change(change: DataChange): Promise<void> {
    const done = this.#last.then(() => this.#transaction(change));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Asks the database something, in its turn as well. */
  query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    const answer = this.#last.then(async () => (await (await this.#connected()).query<Row>(text)).rows);
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#client?.end().catch(() => undefined);
  }

  async #transaction(change: DataChange): Promise<void> {
    const client = await this.#connected();
    const number = this.batches.length;
    const fromMs = await this.#youngSecond(client);
    const batch: Batch = { fromMs, untilMs: Infinity };
    this.batches.push(batch);
    try {
      await client.query('BEGIN');
      await client.query(`SET LOCAL chaos.batch = '${number}'`);
      await this.#changeRows(client, change, Math.floor(fromMs / 1_000));
      if (change.lateMs > 0) await sleep(change.lateMs);
      await client.query('COMMIT');
      batch.untilMs = await clockMs(client);
    } catch (error) {
      this.#client = null;
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  async #changeRows(client: pg.Client, { plan, add, change, remove }: DataChange, at: number): Promise<void> {
    const { table, noteCharsMax } = plan;
    const first = this.#nextK.get(table) ?? 0;
    this.#nextK.set(table, first + add);
    if (remove !== null) {
      await client.query(`DELETE FROM ${table} WHERE k % ${remove.every} = ${remove.rest}`);
    }
    if (change !== null) {
      await client.query(
        `UPDATE ${table} SET version = version + 1, at = to_timestamp(${at}), flag = NOT flag,
           note = CASE WHEN length(note) >= ${TOO_LONG} THEN note ELSE note_of(k, version + 1, ${noteCharsMax}) END
         WHERE k % ${change.every} = ${change.rest}`,
      );
    }
    if (add > 0) await client.query(insertOf(plan, first, first + add - 1, at));
  }

  /** The database's clock, early in one of its seconds. */
  async #youngSecond(client: pg.Client): Promise<number> {
    const nowMs = await clockMs(client);
    const part = (nowMs % 1_000) / 1_000;
    if (part < YOUNG) return nowMs;
    await sleep((1 - part) * 1_000 + 5);
    return clockMs(client);
  }

  /** After a restart of the server there is a new connection. */
  async #connected(): Promise<pg.Client> {
    for (let tries = 0; this.#client === null; tries += 1) {
      try {
        const client = await connectTo(this.#server, this.#database);
        client.on('error', () => (this.#client = null));
        this.#client = client;
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(100);
      }
    }
    return this.#client;
  }
}

/** Some rows are bad, in two ways, and of a table whose rows are only added some are there twice. */
function insertOf(plan: SyncPlan, from: number, to: number, at: number): string {
  const { table, persons, badEvery, noteCharsMax, rows, type, byColumns } = plan;
  const isBad = badEvery === 0 ? 'false' : `k % ${badEvery} = 7`;
  // A group may do without a person.
  const isLong = type === 'group' || badEvery === 0 ? isBad : `k % ${badEvery * 2} = 7`;
  const times = rows === 'added' && !byColumns ? '1 + (k % 13 = 1)::int' : '1';
  return `
    INSERT INTO ${table} SELECT k, 1, CASE WHEN ${isBad} AND NOT (${isLong}) THEN NULL ELSE 'p' || k % ${persons} END,
      to_timestamp(${at}),
      CASE WHEN ${isLong} THEN repeat('x', ${TOO_LONG}) ELSE note_of(k, 1, ${noteCharsMax}) END,
      (k * 7919 % 100000) / 100.0, k % 3 = 0
    FROM generate_series(${from}, ${to}) k, generate_series(1, ${times}) again`;
}

async function clockMs(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ ms: string }>(
    'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms',
  );
  return Number(rows[0]?.ms);
}
