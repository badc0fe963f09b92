import { RowcastError } from '../errors.ts';
import { byNewest, importSegments, momentOf, readImports, sortKeyOf } from '../storage/importSegments.ts';
import type { ImportSegment } from '../storage/importSegments.ts';
import type { Storage } from '../storage/storage.ts';
import type { ImportRecord, Outcome } from '../workflows/contract.ts';
import { IMPORTS_MAX } from '../workflows/archive.ts';
import { checkedLimit, missingWords } from './context.ts';
import type { ClientContext, Page, PageRequest } from './context.ts';
import { asItIs, importsOf } from './importRecords.ts';
import { runningSyncs } from './lostSyncs.ts';
import { describeSync, storageOf } from './syncStorage.ts';

/*
 * The imports of syncs as one list, newest first: the newest hundred are in the workflow of a sync, what is older in
 * its storage, which is only asked where a page comes so far.
 */

export interface ImportsRequest extends PageRequest {
  /** Only those of this sync. */
  readonly sync?: string;
  /** Only those that ended so. */
  readonly outcome?: Outcome;
  /** Only those that began then or later, and only those that began before; ISO 8601 in UTC. */
  readonly since?: string;
  readonly until?: string;
}

const PAGE_SIZE = 20;

/** @throws RowcastError not_found; storage_mismatch for a page of imports that are in a storage which is not seen here. */
export async function importsPage(
  context: ClientContext,
  request: ImportsRequest,
): Promise<Page<ImportRecord>> {
  const { sync, limit = PAGE_SIZE, signal } = request;
  checkedLimit(limit);
  const syncs = sync === undefined ? await runningSyncs(context, signal) : [sync];
  const found = await Promise.all(syncs.map((name) => importsOf(context, name, signal)));
  if (sync !== undefined && found[0] === null)
    throw new RowcastError('not_found', missingWords('sync', sync));
  const full = syncs.filter((_name, index) => (found[index]?.length ?? 0) >= IMPORTS_MAX);
  const held = found.flatMap((imports) => imports ?? []);
  const newest = held.filter((record) => isWanted(record, request)).sort(byNewest);
  // What is older than all that a sync holds may stand among what is in its storage.
  const floors = found.map((imports) => (imports && imports.length >= IMPORTS_MAX ? oldestOf(imports) : ''));
  const floor = floors.sort().at(-1) ?? '';
  const certain = newest.filter(({ startedAt }) => startedAt >= floor);
  if (certain.length > limit) return pageOf(context, certain, limit, signal);
  const archives = await archivesOf(context, full, request);
  if (archives === null) return pageOf(context, newest, limit, signal);
  if (archives instanceof RowcastError) {
    const [last] = certain.slice(-1);
    if (last === undefined) throw archives;
    return { ...(await pageOf(context, certain, limit, signal)), nextPageToken: sortKeyOf(last) };
  }
  return pageOf(context, await merged({ newest, held }, archives, limit), limit, signal);
}

/** An import that its sync does not hold any more; null where it is not in storage either. */
export async function archivedImport(
  context: ClientContext,
  sync: string,
  isWantedRun: (run: string) => boolean,
  signal?: AbortSignal,
): Promise<ImportRecord | null> {
  const archives = await archivesOf(context, [sync], signal === undefined ? {} : { signal });
  if (archives === null) return null;
  if (archives instanceof RowcastError) throw archives;
  for await (const record of readImports<ImportRecord>(archives.storage, archives.segments)) {
    if (isWantedRun(record.run)) return record;
  }
  return null;
}

function isWanted(record: ImportRecord, { outcome, since, until, pageToken }: ImportsRequest): boolean {
  const { startedAt } = record;
  if (outcome !== undefined && record.outcome !== outcome) return false;
  if (since !== undefined && startedAt < since) return false;
  if (until !== undefined && startedAt >= until) return false;
  return pageToken === undefined || sortKeyOf(record) < pageToken;
}

/** When the oldest began; one that was retried may be much older than those beside which it waits for storage. */
const oldestOf = (imports: readonly ImportRecord[]) => {
  const untouched = imports.filter(({ retried }) => retried === undefined);
  const counted = untouched.length > 0 ? untouched : imports;
  return counted.map(({ startedAt }) => startedAt).sort()[0] ?? '';
};

interface Archives {
  readonly storage: Storage;
  readonly segments: readonly ImportSegment[];
  readonly request: ImportsRequest;
}

/** Where older imports of syncs are; null where there are none; the failure where they cannot be seen here. */
async function archivesOf(
  context: ClientContext,
  syncs: readonly string[],
  request: ImportsRequest,
): Promise<Archives | RowcastError | null> {
  const descriptions = await Promise.all(syncs.map((name) => describeSync(context, name, request.signal)));
  const archived = syncs.filter((_name, index) => (descriptions[index]?.archived ?? 0) > 0);
  const [first] = archived;
  if (first === undefined) return null;
  try {
    const storage = await storageOf(context, first, request.signal);
    const segments = await importSegments(storage, archived.length === 1 ? first : undefined);
    const among = new Set(archived);
    const fitting = segments.filter((segment) => among.has(segment.sync) && mayHold(segment, request));
    return { storage, segments: fitting, request };
  } catch (error) {
    if (error instanceof RowcastError) return error;
    throw error;
  }
}

function mayHold({ first, last, outcomes }: ImportSegment, request: ImportsRequest): boolean {
  const { outcome, since, until, pageToken } = request;
  if (outcome !== undefined && !outcomes.includes(outcome)) return false;
  if (since !== undefined && last < momentOf(since)) return false;
  if (until !== undefined && first >= momentOf(until)) return false;
  return pageToken === undefined || first <= momentOf(pageToken.split(' ')[0] ?? '');
}

/** The first of both, newest first, one more than a page holds. An import may be in both for a while. */
async function merged(
  { newest, held }: Record<'newest' | 'held', readonly ImportRecord[]>,
  { storage, segments, request }: Archives,
  limit: number,
): Promise<ImportRecord[]> {
  const list: ImportRecord[] = [];
  const waiting = [...newest];
  // What a sync holds is as it is now, and what is in storage of the same run as it was.
  const runs = new Set(held.map(({ run }) => run));
  for await (const record of readImports<ImportRecord>(storage, segments)) {
    if (!isWanted(record, request) || runs.has(record.run)) continue;
    while (waiting[0] !== undefined && byNewest(waiting[0], record) < 0) list.push(...waiting.splice(0, 1));
    if (list.length > limit) return list;
    list.push(record);
    runs.add(record.run);
  }
  return [...list, ...waiting];
}

async function pageOf(
  context: ClientContext,
  newestFirst: readonly ImportRecord[],
  limit: number,
  signal?: AbortSignal,
): Promise<Page<ImportRecord>> {
  const items = newestFirst.slice(0, limit);
  const last = items.at(-1);
  const nextPageToken = last === undefined || newestFirst.length <= limit ? null : sortKeyOf(last);
  return { items: await Promise.all(items.map((record) => asItIs(context, record, signal))), nextPageToken };
}
