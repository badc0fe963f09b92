import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { RowcastError } from '../errors.ts';
import type { Storage } from './storage.ts';

/*
 * Old imports, in objects of some fifty each: `imports/people/FIRST=LAST=COUNT=OUTCOMES.json`. What is looked for is
 * found by the names alone, so that few are read.
 */

/** What storage knows of an import; the rest is its owner's. */
const Summary = z.looseObject({
  run: z.string(),
  startedAt: z.string(),
  outcome: z.string(),
  retried: z.looseObject({ times: z.int() }).exactOptional(),
});

export interface ImportSummary {
  readonly run: string;
  /** ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly outcome: string;
  /** One that was retried stands in storage once more; the one that was retried more often counts. */
  readonly retried?: { readonly times: number };
}

/** An object with imports of one sync. */
export interface ImportSegment {
  readonly key: string;
  readonly sync: string;
  /** When the first and the last of its imports began, as `momentOf` has it. */
  readonly first: string;
  readonly last: string;
  readonly outcomes: readonly string[];
}

const SegmentFile = z.object({ version: z.literal(1), imports: z.array(Summary) });

const FOLDER = 'imports';
const KEY = /^imports\/([^/]+)\/([^=/]+)=([^=/]+)=\d+=([^=/]+)\.json$/;

/** A moment as names of objects have it; compares like the moment. @param iso ISO 8601 in UTC. */
export const momentOf = (iso: string) => iso.replace(/[-:]/g, '');

export const importsFolder = (sync: string) => `${FOLDER}/${sync}`;

/** Stores imports of a sync. Whoever does it again with the same ones changes nothing. @throws RowcastError */
export async function writeImports(
  storage: Storage,
  sync: string,
  imports: readonly ImportSummary[],
): Promise<void> {
  const moments = imports.map(({ startedAt }) => momentOf(startedAt)).sort();
  const outcomes = [...new Set(imports.flatMap(outcomesOf))].sort().join('.');
  const name = `${moments[0] ?? ''}=${moments.at(-1) ?? ''}=${imports.length}=${outcomes}.json`;
  const key = `${importsFolder(sync)}/${name}`;
  const file = JSON.stringify({ version: 1, imports });
  try {
    await storage.put(key, Buffer.from(file));
  } catch (error) {
    const found = await storage.get(key);
    if (found === null || !isDeepStrictEqual(JSON.parse(String(found)), JSON.parse(file))) throw error;
  }
}

/** Those by which an import may be looked for: one that was retried had another before, under which it is stored too. */
function outcomesOf({ outcome, retried }: ImportSummary): string[] {
  return retried === undefined ? [outcome] : [outcome, 'succeeded_with_errors'];
}

/** The segments of one sync, or of all, that with the latest import first. @throws RowcastError */
export async function importSegments(storage: Storage, sync?: string): Promise<ImportSegment[]> {
  const keys = await storage.list(sync === undefined ? FOLDER : importsFolder(sync));
  return keys
    .flatMap((key) => {
      const [, owner, first, last, outcomes] = KEY.exec(key) ?? [];
      if (!owner || !first || !last || !outcomes) return [];
      return [{ key, sync: owner, first, last, outcomes: outcomes.split('.') }];
    })
    .sort((left, right) => (left.last < right.last ? 1 : -1));
}

/**
 * The imports of segments, newest first; a segment is read when its imports are due.
 *
 * @param segments that with the latest import first.
 */
export async function* readImports<Import extends ImportSummary>(
  storage: Storage,
  segments: readonly ImportSegment[],
): AsyncGenerator<Import> {
  let waiting: Import[] = [];
  for (const [index, segment] of segments.entries()) {
    waiting = [...waiting, ...(await readSegment<Import>(storage, segment))].sort(byNewest);
    const next = segments[index + 1]?.last ?? '';
    const due = waiting.findIndex(({ startedAt }) => momentOf(startedAt) <= next);
    yield* latestOfEach(waiting.splice(0, due < 0 ? waiting.length : due));
  }
}

/** An import of a sync that is in storage, as it was last; null where there is none. @throws RowcastError */
export async function findImport<Import extends ImportSummary>(
  storage: Storage,
  sync: string,
  run: string,
): Promise<Import | null> {
  const segments = await importSegments(storage, sync);
  for await (const record of readImports<Import>(storage, segments)) if (record.run === run) return record;
  return null;
}

/** Those of one run stand side by side: they began at the same time. */
function latestOfEach<Import extends ImportSummary>(sorted: readonly Import[]): Import[] {
  const latest = new Map<string, Import>();
  for (const record of sorted) {
    const known = latest.get(record.run);
    if ((known?.retried?.times ?? -1) < (record.retried?.times ?? 0)) latest.set(record.run, record);
  }
  return [...latest.values()];
}

/** A page goes on after an import by this. */
export const sortKeyOf = ({ startedAt, run }: ImportSummary) => `${startedAt} ${run}`;

export function byNewest(left: ImportSummary, right: ImportSummary): number {
  return sortKeyOf(left) < sortKeyOf(right) ? 1 : -1;
}

async function readSegment<Import>(storage: Storage, { key }: ImportSegment): Promise<Import[]> {
  const body = await storage.get(key);
  if (body === null) return []; // Swept since it was listed.
  try {
    return SegmentFile.parse(JSON.parse(String(body))).imports as Import[];
  } catch (error) {
    throw new RowcastError(
      'storage_corrupt',
      `The file ${key} in ${storage.identity.location} is damaged or of another version of Rowcast; restore it, or remove it with the imports that it holds.`,
      { cause: error },
    );
  }
}
