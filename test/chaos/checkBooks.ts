import type { FailedRow, ImportRecord } from '../../client/index.ts';
import { isBad } from './syncs.ts';
import type { Truth } from './truth.ts';
import { endMs, hasSucceeded } from './windows.ts';
import type { Covered } from './windows.ts';
import type { Break } from './world.ts';

/** More imports than these are not kept, so that a chain would have gaps. */
const IMPORTS_MAX = 100;

/** Every import closes its books: its outcome, its counts, its errors, and where it began. */
export function checkBooks(truth: Truth, windows: readonly Covered[]): string[] {
  const { plan, imports } = truth;
  const problems = imports.flatMap((record) => recordProblems(truth, record));
  const counted = windows.flatMap((window) => countProblems(truth, window));
  const tooMany = imports.length >= IMPORTS_MAX ? ['the round has more imports than are kept'] : [];
  return [...problems, ...counted, ...chainProblems(truth), ...tooMany].map(
    (words) => `${plan.name}: ${words}`,
  );
}

/** What never may be the reason why a run failed: it says that Rowcast is wrong. */
const OWN_FAULTS = new Set([
  'internal_error',
  'books_not_closed',
  'storage_corrupt',
  'storage_mismatch',
  'query_failed',
  'mapping_invalid',
]);

function recordProblems({ versions, errors, refusals }: Truth, record: ImportRecord): string[] {
  const { run, outcome, rows, delivered, failed, errorCode, error } = record;
  const listed = errors.get(run) ?? [];
  const problems: string[] = [];
  if (outcome === 'running') problems.push('is still running');
  if (record.endedAt === null) problems.push('has not ended');
  if (hasSucceeded(record) && rows !== (delivered ?? 0) + (failed ?? 0))
    problems.push('does not close its books');
  if (hasSucceeded(record) !== (errorCode === null))
    problems.push(`is ${outcome} with the error code ${errorCode}`);
  if ((outcome === 'succeeded_with_errors') !== (hasSucceeded(record) && failed !== 0))
    problems.push(`is ${outcome} with ${failed} failed rows`);
  if (OWN_FAULTS.has(errorCode ?? '')) problems.push(`failed by a fault of Rowcast's own: ${error}`);
  if (hasSucceeded(record) && listed.length !== failed)
    problems.push(`lists ${listed.length} of ${failed} failed rows`);
  if (new Set(listed.map(({ row }) => row)).size !== listed.length) problems.push('lists a failed row twice');
  for (const failure of listed) {
    const row = versions.find(
      ({ k, version }) => k === failure.data['k'] && version === failure.data['version'],
    );
    if (row === undefined) problems.push(`lists a row that never was: ${JSON.stringify(failure)}`);
    else if (isBad(row) === isRefused(failure))
      problems.push(`lists a row for a wrong reason: ${JSON.stringify(failure)}`);
    else if (isRefused(failure) && !refusals.has('*') && !refusals.has(row.person ?? ''))
      problems.push(`lists a row as refused that nobody refused: ${JSON.stringify(failure)}`);
  }
  return problems.map((words) => `${run} ${words}`);
}

const isRefused = ({ code }: FailedRow) => code === 'refused_by_destination';

/** What a run says that it delivered has arrived, and what has arrived it delivered, or could not in the end. */
function countProblems({ plan, imports, errors }: Truth, { success, arrivals, since }: Covered): string[] {
  if (success === null || plan.byColumns) return [];
  const delivered = success.delivered ?? 0;
  const refused = (errors.get(success.run) ?? []).filter(isRefused).length;
  const tries = imports.filter((record) => record.since === since && record.outcome !== 'skipped').length;
  const problems: string[] = [];
  if (delivered > arrivals.length)
    problems.push(`${success.run} says ${delivered} calls, but ${arrivals.length} came`);
  // Between two tries, a row may have changed.
  const atMost = plan.rows === 'added' || tries === 1 ? delivered + refused : Infinity;
  if (arrivals.length > atMost) {
    problems.push(
      `${success.run} says ${delivered} calls and ${refused} refused, but ${arrivals.length} came`,
    );
  }
  return problems;
}

/** Each window begins where the last one ended, or where a reset put it. */
function chainProblems({ plan, imports, breaks, lastSyncTime }: Truth): string[] {
  const problems: string[] = [];
  const startOf = (time: number) => Math.max(0, time - plan.lookbackSeconds);
  const mayForget = breaks.some(({ kind }) => kind === 'delete');
  let resets = breaks.filter(({ kind }) => kind === 'reset');
  let possible = new Set([0]);
  for (const success of imports.filter(hasSucceeded)) {
    const startedMs = Date.parse(success.startedAt);
    const before = resets.filter(({ fromMs }) => fromMs <= endMs(success));
    possible = afterResets(possible, before, { startedMs, mayForget });
    if (![...possible].some((time) => startOf(time) === success.since)) {
      problems.push(
        `${success.run} covers from ${success.since}, but last_sync_time was ${[...possible].join(' or ')}`,
      );
    }
    // One that came while it ran may have come before it knew its window, or before it handed back its result.
    const during = before.filter(({ untilMs }) => untilMs >= startedMs);
    possible = new Set([success.until ?? 0, ...during.map(({ to }) => to)]);
    resets = resets.filter(({ untilMs }) => untilMs > endMs(success));
  }
  possible = afterResets(possible, resets, { startedMs: Infinity, mayForget: true });
  if (!possible.has(lastSyncTime)) {
    problems.push(`last_sync_time is ${lastSyncTime}, not ${[...possible].join(' or ')}`);
  }
  return problems;
}

function afterResets(
  possible: ReadonlySet<number>,
  resets: readonly Break[],
  { startedMs, mayForget }: { startedMs: number; mayForget: boolean },
): Set<number> {
  let now = new Set(possible);
  for (const { to, untilMs } of resets) {
    const isSure = untilMs < startedMs && !mayForget;
    now = isSure ? new Set([to]) : now.add(to);
  }
  return now;
}
