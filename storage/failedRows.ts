import type { DeliveredCall, FailedRow } from './manifest.ts';
import type { Storage } from './storage.ts';

/** The failed rows of a run, in the order of their numbers. @param keys its error files. */
export function readFailedRows(storage: Storage, keys: readonly string[]): AsyncGenerator<FailedRow> {
  return readInOrder<FailedRow>(storage, keys);
}

/** The kept calls of a run, in the order of their rows. @param keys its call files. */
export function readDeliveredCalls(storage: Storage, keys: readonly string[]): AsyncGenerator<DeliveredCall> {
  return readInOrder<DeliveredCall>(storage, keys);
}

/** Stores lines of NDJSON. @throws RowcastError */
export async function writeNdjson(storage: Storage, key: string, lines: readonly unknown[]): Promise<void> {
  await storage.put(key, Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
}

/**
 * Merges files by row number. Each file is ascending; one is opened only when its first row is due, so that as
 * many are in memory as lanes wrote at the same time, and not as there are files.
 */
async function* readInOrder<Line extends { readonly row: number }>(
  storage: Storage,
  keys: readonly string[],
): AsyncGenerator<Line> {
  const waiting = await Promise.all(keys.map(async (key) => ({ key, first: await firstRow(storage, key) })));
  waiting.sort((left, right) => left.first - right.first);
  const open: Line[][] = [];
  for (;;) {
    const next = smallest(open);
    const due = waiting[0];
    if (due !== undefined && due.first <= (next?.[0]?.row ?? Infinity)) {
      waiting.shift();
      open.push((await linesOf<Line>(storage, due.key)).sort((left, right) => left.row - right.row));
      continue;
    }
    if (next === undefined) return;
    const line = next.shift();
    if (line !== undefined) yield line;
    if (next.length === 0) open.splice(open.indexOf(next), 1);
  }
}

function smallest<Line extends { readonly row: number }>(open: readonly Line[][]): Line[] | undefined {
  return open.reduce<Line[] | undefined>(
    (best, lines) =>
      best === undefined || (lines[0]?.row ?? Infinity) < (best[0]?.row ?? Infinity) ? lines : best,
    undefined,
  );
}

async function firstRow(storage: Storage, key: string): Promise<number> {
  const lines = await linesOf<{ row: number }>(storage, key);
  return lines.reduce((first, { row }) => Math.min(first, row), Infinity);
}

async function linesOf<Line>(storage: Storage, key: string): Promise<Line[]> {
  const body = (await storage.get(key)) ?? Buffer.alloc(0);
  const lines = String(body).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
}
