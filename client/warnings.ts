import type { ImportRecord } from '../workflows/contract.ts';
import type { SyncListing } from './syncs.ts';

/** So many intervals are looked back on. */
const INTERVALS = 20;

/** So many runs in a row say that something is wrong with the sync, and not with a run. */
const RUNS = 3;

/** A sync that delivers nothing for a day, and for as many runs as this, may have a query that finds nothing. */
const EMPTY_RUNS = 20;
const EMPTY_MS = 86_400_000;

/** What somebody should know of a sync, in sentences, from its newest imports. @param nowMs by this machine's clock */
export function warningsOf(
  sync: Pick<SyncListing, 'enabled' | 'every' | 'cron'>,
  imports: readonly ImportRecord[],
  nowMs: number,
): string[] {
  const ended = imports.filter(
    ({ outcome, trigger }) => outcome !== 'running' && outcome !== 'skipped' && trigger !== 'retry',
  );
  return [
    ...(sync.enabled === null
      ? ['Its Schedule was deleted elsewhere, so it does not run; `rowcast apply` creates it.']
      : []),
    ...overruns(sync, ended),
    ...troubles(ended),
    ...(sync.enabled === true ? silence(ended, nowMs) : []),
  ];
}

/** Intervals that were due while a run was under way. */
function overruns(
  { every, cron }: Pick<SyncListing, 'every' | 'cron'>,
  ended: readonly ImportRecord[],
): string[] {
  let [intervals, skipped] = [0, 0];
  const tookMs: number[] = [];
  for (const record of ended) {
    if (intervals >= INTERVALS) break;
    intervals += 1 + record.skippedIntervals;
    skipped += record.skippedIntervals;
    if (record.skippedIntervals > 0) tookMs.push(lengthOf(record));
  }
  if (skipped === 0) return [];
  const due =
    every === null
      ? cron === null
        ? ''
        : ` and is due at "${cron}"`
      : ` and is due every ${singular(every)}`;
  return [
    `${skipped} of the last ${intervals} intervals ${skipped === 1 ? 'was' : 'were'} skipped: the sync takes ${inWords(median(tookMs))}${due}.`,
  ];
}

function troubles(ended: readonly ImportRecord[]): string[] {
  const failing = ended.findIndex(({ outcome }) => outcome !== 'failed');
  const failed = failing < 0 ? ended.length : failing;
  if (failed >= RUNS) {
    return [`The last ${failed} runs failed, most lately by: ${ended[0]?.error ?? 'an unknown error'}`];
  }
  const withRows = ended.filter(({ rows }) => rows !== null && rows > 0).slice(0, INTERVALS);
  if (withRows.length < RUNS || !withRows.every((record) => (record.failed ?? 0) > 0)) return [];
  return [
    `Each of the last ${withRows.length} runs with rows had rows that failed; \`rowcast import errors\` says why.`,
  ];
}

function silence(ended: readonly ImportRecord[], nowMs: number): string[] {
  const quiet = ended.findIndex(({ delivered }) => delivered !== 0);
  const empty = quiet < 0 ? ended : ended.slice(0, quiet);
  const since = empty.at(-1)?.startedAt;
  if (since === undefined || empty.length < EMPTY_RUNS) return [];
  const ms = nowMs - Date.parse(since);
  if (ms < EMPTY_MS) return [];
  return [
    `Nothing was delivered for ${inWords(ms)}, by ${empty.length} runs; see that the query still finds what changes.`,
  ];
}

const lengthOf = ({ startedAt, endedAt }: ImportRecord) =>
  endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(startedAt);

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

/** `1 minute` as in "every minute". */
const singular = (every: string) => every.replace(/^1 /, '');

const UNITS: readonly (readonly [string, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** A length of time in the largest unit that it has two of, `7 minutes`, `90 seconds`. */
function inWords(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, size]) => ms >= 2 * size) ?? ['second', 1_000];
  const count = Math.round(ms / unitMs);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
