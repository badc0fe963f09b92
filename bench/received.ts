import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { rowsOf } from './tables.ts';
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
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(): Promise<Receiver> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'receiver.ts')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
    return new Receiver(url, child);
  }

  async stop(): Promise<void> {
    // Ctrl-C reaches it as well.
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }

  async forget(): Promise<void> {
    await fetch(this.url, { method: 'DELETE' });
  }

  async counts(): Promise<Counts> {
    return (await (await fetch(`${this.url}/counts`)).json()) as Counts;
  }

  /** The first body that came and the last, or null. */
  async ends(): Promise<readonly unknown[]> {
    const bodyOf = async (which: string) => (await fetch(`${this.url}/${which}`)).json();
    return await Promise.all([bodyOf('first'), bodyOf('last')]);
  }
}

interface Identify {
  readonly type: string;
  readonly userId: string;
  readonly traits: Readonly<Record<string, unknown>>;
  readonly context?: unknown;
}

interface Batch {
  readonly batch: readonly Identify[];
  readonly context?: unknown;
}

/** What is wrong with the first batch that came and the last, by what PostgreSQL itself makes of their rows; or null. */
export async function wrongCalls(
  receiver: Receiver,
  sql: pg.Client,
  table: BenchTable,
): Promise<string | null> {
  const bodies = (await receiver.ends()) as readonly (Batch | null)[];
  const batches = bodies.filter((body) => body !== null);
  if (table.rows === 0) return batches.length === 0 ? null : 'calls came of no rows';
  const ids = batches.flatMap(({ batch }) => batch.map(({ userId }) => userId));
  const rows = await rowsOf(sql, table, ids);
  for (const { batch, context } of batches) {
    for (const call of batch) {
      const expected = callOf(call.userId, rows.get(call.userId));
      // Customer.io takes the context of a batch for that of each of its calls.
      const isOfBatch = isDeepStrictEqual(context, expected.context);
      if (isOfBatch && isDeepStrictEqual(comparable(call), comparable(expected))) continue;
      return `a call is ${JSON.stringify(call).slice(0, 300)} instead of ${JSON.stringify(expected).slice(0, 300)}`;
    }
  }
  return null;
}

function callOf(userId: string, row: Readonly<Record<string, unknown>> = {}): Identify {
  const { 'context.ip': ip, ...traits } = row;
  return { type: 'identify', userId, traits, ...(ip !== undefined && { context: { ip } }) };
}

/** A call without what is its alone, and with its time as a number, of which there are many spellings. */
function comparable({ type, userId, traits, context }: Identify): unknown {
  const { created_at: at, ...others } = traits;
  return { type, userId, others, context, at: typeof at === 'string' ? Date.parse(at) : at };
}
