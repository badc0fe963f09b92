import { z } from 'zod';
import { RowcastError } from '../errors.ts';
import { parseExactly } from '../mapping/exactJson.ts';
import type { DeliveredCall, FailedRow } from './manifest.ts';
import type { Storage } from './storage.ts';

/** An object as it was written, whatever its keys are. */
const Fields = z.custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null);

const FailedRowLine: z.ZodType<FailedRow> = z.object({
  row: z.int(),
  code: z.string(),
  message: z.string(),
  data: Fields,
  call: Fields.exactOptional(),
});

const DeliveredCallLine: z.ZodType<DeliveredCall> = z.object({
  row: z.int(),
  data: Fields,
  call: Fields,
  leftOut: z.array(z.string()).exactOptional(),
});

/** The failed rows of a run, in the order of their numbers. @param keys its error files. @throws RowcastError */
export function readFailedRows(storage: Storage, keys: readonly string[]): AsyncGenerator<FailedRow> {
  return readInOrder({ storage, keys, line: FailedRowLine });
}

/** The same, with the numbers of their data and calls as they were written. @throws RowcastError */
export function readFailedRowsExactly(storage: Storage, keys: readonly string[]): AsyncGenerator<FailedRow> {
  return readInOrder({ storage, keys, line: FailedRowLine, parse: parseExactly });
}

/** The kept calls of a run, in the order of their rows. @param keys its call files. @throws RowcastError */
export function readDeliveredCalls(storage: Storage, keys: readonly string[]): AsyncGenerator<DeliveredCall> {
  return readInOrder({ storage, keys, line: DeliveredCallLine });
}

/** Stores lines of NDJSON. @throws RowcastError */
export async function writeNdjson(storage: Storage, key: string, lines: readonly unknown[]): Promise<void> {
  await storage.put(key, Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
}

interface LineFiles<Line> {
  readonly storage: Storage;
  readonly keys: readonly string[];
  readonly line: z.ZodType<Line>;
  readonly parse?: (text: string) => unknown;
}

/**
 * Merges files by row number. Each file is ascending; one is opened only when its first row is due, so that as
 * many are in memory as lanes wrote at the same time, and not as there are files.
 */
async function* readInOrder<Line extends { readonly row: number }>(
  files: LineFiles<Line>,
): AsyncGenerator<Line> {
  const waiting: { readonly key: string; readonly first: number }[] = [];
  for (const key of files.keys) {
    const [first] = await linesOf(files, key);
    if (first !== undefined) waiting.push({ key, first: first.row });
  }
  waiting.sort((left, right) => left.first - right.first);
  const open: Line[][] = [];
  for (;;) {
    const next = smallest(open);
    const due = waiting[0];
    if (due !== undefined && due.first <= (next?.[0]?.row ?? Infinity)) {
      waiting.shift();
      open.push(await linesOf(files, due.key));
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

/** The lines of a file, in the order of their rows. */
async function linesOf<Line extends { readonly row: number }>(
  { storage, line, parse = JSON.parse }: LineFiles<Line>,
  key: string,
): Promise<Line[]> {
  const body = await storage.get(key);
  try {
    const lines = String(body).split('\n');
    if (lines.pop() !== '') throw new Error('it is missing, or does not end with a line feed');
    return lines.map((text) => line.parse(parse(text))).sort((left, right) => left.row - right.row);
  } catch (error) {
    throw new RowcastError(
      'storage_corrupt',
      `The file ${key} in ${storage.identity.location} is missing or damaged, so that the run's rows cannot be listed; restore the file.`,
      { cause: error },
    );
  }
}
