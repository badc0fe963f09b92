import { isDeepStrictEqual } from 'node:util';
import { expectedCall, isBad } from './syncs.ts';
import type { Arrival, Truth, Version } from './truth.ts';
import { endMs } from './windows.ts';
import type { Covered } from './windows.ts';

const keyOf = ({ k, version }: { readonly k: unknown; readonly version: unknown }) =>
  `${String(k)}/${String(version)}`;

function grouped<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** The receiver holds exactly what the windows covered. */
export function checkCalls(truth: Truth, windows: readonly Covered[]): string[] {
  return windows.flatMap((window) => [...unexpected(truth, window), ...missing(truth, window)]);
}

/** Calls that no row was at the time, that say something else than their row, or that came too often. */
function unexpected({ plan, versions, breaks }: Truth, window: Covered): string[] {
  const { since, success, firstAttemptMs } = window;
  const where = `${plan.name} since ${since}, first tried at ${firstAttemptMs}`;
  const known = grouped(versions, keyOf);
  const arrived = grouped(window.arrivals, keyOf);
  const wasGivenUp = breaks.some(({ untilMs }) => untilMs >= (firstAttemptMs ?? 0));
  const problems = success !== null || wasGivenUp ? [] : [`${where}: calls of a window that no run covered`];
  for (const [key, calls] of arrived) {
    const rows = (known.get(key) ?? []).filter((row) => !isBad(row) && !row.gone);
    const [row] = rows;
    const [first] = calls;
    if (first === undefined) continue;
    if (row === undefined)
      problems.push(`${where}: a call that no row ever was: ${JSON.stringify(first.call)}`);
    else problems.push(...differing(truthOf(plan, row, since), calls).map((words) => `${where}: ${words}`));
    if (row !== undefined && !mayBeSeen(row, window)) {
      problems.push(`${where}: the row ${key} (at ${row.at}) was not to be seen then, but its call came`);
    }
    if (calls.length > rows.length && row !== undefined) {
      problems.push(
        `${where}: ${calls.length} calls of ${rows.length} rows ${key}: ${calls.map(({ messageId }) => messageId).join(' ')}`,
      );
    }
  }
  return problems;
}

const truthOf = (plan: Truth['plan'], row: Version, since: number) => expectedCall(plan, row, since);

function differing(expected: Record<string, unknown>, calls: readonly Arrival[]): string[] {
  return calls.flatMap(({ call }) => {
    const { messageId, ...content } = call;
    if (isDeepStrictEqual(content, expected)) return [];
    return [`${String(messageId)} holds ${JSON.stringify(content)}, not ${JSON.stringify(expected)}`];
  });
}

/** Whether some run of the window may have found the row as it was in this version. */
function mayBeSeen({ at, fromMs, untilMs }: Version, { since, success, firstAttemptMs }: Covered): boolean {
  if (firstAttemptMs === null) return true;
  const end = success === null ? Infinity : endMs(success);
  return at > since && fromMs <= end && untilMs >= firstAttemptMs;
}

/** Rows that were there all the time while the window was covered, but neither arrived nor are listed as failed. */
function missing({ plan, versions, errors }: Truth, { since, until, success, arrivals }: Covered): string[] {
  if (success === null || until === null) return [];
  const snapshotMs = (until + 1) * 1_000;
  const arrived = grouped(arrivals, keyOf);
  const listed = grouped(
    (errors.get(success.run) ?? []).map(({ data }) => data as { k: unknown; version: unknown }),
    keyOf,
  );
  const found = (key: string) => (arrived.get(key)?.length ?? 0) + (listed.get(key)?.length ?? 0);
  const problems: string[] = [];
  for (const [k, history] of grouped(versions, ({ k }) => String(k))) {
    const first = history.findLast(({ surelyFromMs }) => surelyFromMs <= snapshotMs);
    if (first === undefined || first.at <= since) continue;
    const candidates = history.filter(
      ({ version, fromMs }) => version >= first.version && fromMs <= endMs(success),
    );
    if (candidates.some(({ gone }) => gone)) continue;
    const copies = history.filter(({ version }) => version === first.version).length;
    const keys = new Set(candidates.map(keyOf));
    const there = [...keys].reduce((sum, key) => sum + found(key), 0);
    if (there >= copies) continue;
    problems.push(
      `${plan.name}: the row ${k} in version ${[...keys].join(' or ')} (at ${first.at}, ${copies} times) is not in the window from ${since} to ${until} of ${success.run}: ${there} calls`,
    );
  }
  return problems;
}
