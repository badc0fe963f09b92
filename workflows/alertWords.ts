import type { Trouble } from '../definitions/alertLimits.ts';
import type { DueRun, ScheduleView } from './alertMessages.ts';
import type { ImportRecord } from './contract.ts';
import { discreetWords } from './discreetWords.ts';
import type { Lease } from './messages.ts';

/* What a webhook is told, in sentences for people. */

export function failingText(record: ImportRecord): string {
  const { sync, run } = record;
  const reason = errorWords(record) ?? 'The reason is not known.';
  return `The sync ${sync} is failing: ${reason} See \`rowcast import show ${run}\`.`;
}

/** Why a run failed, without what a database or a destination says of it, which may quote a row. */
export function errorWords({ errorCode, error }: ImportRecord): string | null {
  return errorCode === null || error === null ? error : discreetWords(errorCode, error);
}

/** @param percent what is allowed, 0 to 100. */
export function failedRowsText({ sync, run, rows, failed }: ImportRecord, percent: number): string {
  const share = Math.round(((failed ?? 0) / (rows ?? 1)) * 1_000) / 10;
  return `Of ${counted(rows)} rows of the sync ${sync} ${counted(failed)} failed: ${share}%, more than ${percent}%. See why with \`rowcast import errors ${run}\`.`;
}

interface LateRun {
  readonly due: DueRun;
  readonly lease: Lease | null;
  readonly view: ScheduleView;
  /** By when it was to be done, in milliseconds since 1970. */
  readonly byMs: number;
}

export function lateText(sync: string, { due, lease, view, byMs }: LateRun): string {
  const [was, by] = [moment(due.atMs), moment(byMs)];
  const waited = `The sync ${sync} is late: a run was due at ${was} and was to be done by ${by}`;
  if (lease !== null) {
    const { run, startedAt, trigger } = lease.record;
    const since = moment(Date.parse(startedAt));
    if (trigger === 'retry')
      return `${waited}; the run ${run}, which sends failed rows again since ${since}, has not said that it is over.`;
    return `The sync ${sync} is late: its run since ${since} was to be done by ${by} and has not said that it is over: it is under way, or was terminated.`;
  }
  if (view.enabled === null)
    return `${waited}; none starts, since its Schedule was deleted elsewhere. \`rowcast apply\` creates it again.`;
  if (view.isRunning)
    return `${waited}; it has started and not begun. See in Temporal what it waits for: a worker, or its storage.`;
  return `${waited}; none is under way. Look at its Schedule in Temporal.`;
}

const WAS: Readonly<Record<Trouble, string>> = {
  failing: 'was failing',
  late: 'was late',
  failed_rows: 'had too many failed rows',
};

/** What is wrong with a sync now, a line for each. @param troubles since when, ISO 8601. */
export function troublesText(troubles: Readonly<Partial<Record<Trouble, string>>>): string[] {
  const entries = Object.entries(troubles) as [Trouble, string][];
  return entries.map(([trouble, since]) => `${IS[trouble]} since ${moment(Date.parse(since))}`);
}

const IS: Readonly<Record<Trouble, string>> = {
  failing: 'Failing',
  late: 'Late',
  failed_rows: 'Too many failed rows',
};

/** @param since ISO 8601. */
export function recoveredText(
  { sync, rows, delivered }: ImportRecord,
  recoveredFrom: readonly Trouble[],
  since: string,
): string {
  const was = recoveredFrom.map((trouble) => WAS[trouble]).join(' and ');
  return `The sync ${sync} has recovered: it ${was} since ${moment(Date.parse(since))}. Its last run delivered ${counted(delivered)} of ${counted(rows)} rows.`;
}

/** @param ms milliseconds since 1970. */
function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** With commas, as the command prints it. */
function counted(count: number | null): string {
  return String(count ?? 0).replace(/\B(?=(\d{3})+$)/g, ',');
}
