import { encodeTime } from 'ulid';
import { expect, test } from 'vitest';
import type { ImportRecord } from '../../client/index.ts';
import { checkBooks } from './checkBooks.ts';
import { checkCalls } from './checkCalls.ts';
import { checkOrder } from './checkOrder.ts';
import { drawRound } from './plan.ts';
import { expectedCall } from './syncs.ts';
import type { SyncPlan } from './syncs.ts';
import type { Arrival, Truth, Version } from './truth.ts';
import { windowsOf } from './windows.ts';

/* The checks of a round, on a round that is made up: all is right in it but for what each test breaks. */

const BEGIN = 1_800_000_000;
const WINDOW_MS = (BEGIN + 20) * 1_000;

const plan: SyncPlan = {
  ...{ name: 'added-0', table: 'added_0', rows: 'added', type: 'track', persons: 1, firstRows: 3 },
  ...{ badEvery: 0, noteCharsMax: 10, lookbackSeconds: 0, nulls: 'send', byColumns: false },
  ...{ giveUpAfter: '20 hours', keepCalls: 0, destination: 'http', enabled: true },
};

function row(k: number, more: Partial<Version> = {}): Version {
  const at = BEGIN + k;
  const seen = { fromMs: at * 1_000, surelyFromMs: at * 1_000 + 5, untilMs: Infinity, gone: false };
  return { k, version: 1, person: 'p0', at, note: null, amount: 1.5, flag: true, ...seen, ...more };
}

function arrival(version: Version, place: number, id = `${place}`): Arrival {
  const messageId = encodeTime(WINDOW_MS, 10) + id.padStart(16, '0');
  const call = { ...expectedCall(plan, version, 0), messageId };
  const { k, version: number } = version;
  return { call, messageId, place, mayHaveBeenRefused: false, k, version: number, since: 0 };
}

const success: ImportRecord = {
  ...{ run: 'a~1', sync: plan.name, outcome: 'succeeded', trigger: 'manual', since: 0, until: BEGIN + 20 },
  startedAt: new Date(WINDOW_MS - 100).toISOString(),
  endedAt: new Date(WINDOW_MS + 3_000).toISOString(),
  ...{ rows: 3, delivered: 3, failed: 0, skippedIntervals: 0, errorCode: null, error: null, warnings: [] },
};

const versions = [row(1), row(2), row(3)] as const;
const arrivals = versions.map((version, index) => arrival(version, index));
const right: Truth = {
  ...{ plan, versions, arrivals, imports: [success], errors: new Map(), lastSyncTime: BEGIN + 20 },
  ...{ breaks: [], refusals: new Set() },
};

function findings(change: Partial<Truth>): string {
  const truth = { ...right, ...change };
  const windows = windowsOf(truth);
  return [...checkCalls(truth, windows), ...checkOrder(truth, windows), ...checkBooks(truth, windows)].join(
    '\n',
  );
}

test('a round in which all is right has no findings', () => {
  expect(findings({})).toBe('');
});

test('a call that is missing is found, unless its row was committed after the window was read', () => {
  expect(findings({ arrivals: arrivals.slice(0, 2) })).toMatch(
    /the row 3 in version 3\/1 .* is not in the window/,
  );
  const late = row(3, { surelyFromMs: (BEGIN + 22) * 1_000 });
  const fewer = { ...success, rows: 2, delivered: 2 };
  const change = { arrivals: arrivals.slice(0, 2), imports: [fewer] };
  expect(findings({ ...change, versions: [row(1), row(2), late] })).toBe('');
});

test('a row that came under two ids is found', () => {
  expect(findings({ arrivals: [...arrivals, arrival(row(2), 3)] })).toMatch(/2 calls of 1 rows 2\/1/);
});

test('a call that says something else than its row is found, and so is one of no row at all', () => {
  const [first] = arrivals;
  const wrong = { ...first!, call: { ...first!.call, event: 'Calm' } };
  expect(findings({ arrivals: [wrong, ...arrivals.slice(1)] })).toMatch(/holds .*Calm/);
  expect(findings({ arrivals: [...arrivals, arrival(row(4), 3)] })).toMatch(/a call that no row ever was/);
});

test('a row that was not changed since the window began is found where its call came again', () => {
  const since = BEGIN + 2;
  const again = arrivals.map((one, index) => ({
    ...{ ...one, since },
    call: { ...expectedCall(plan, versions[index]!, since), messageId: one.messageId },
  }));
  expect(findings({ arrivals: again, imports: [{ ...success, since }] })).toMatch(
    /the row 1\/1 .* was not to be seen then, but its call came/,
  );
});

test('a person whose calls are out of order is found, unless the earlier one was refused at first', () => {
  const [one, two, three] = arrivals;
  const swapped = [{ ...two!, place: 0 }, { ...one!, place: 1 }, three!];
  expect(findings({ arrivals: swapped })).toMatch(/out of order/);
  expect(findings({ arrivals: swapped.map((each) => ({ ...each, mayHaveBeenRefused: true })) })).toBe('');
});

test('books that do not close, and a chain with a gap, are found', () => {
  expect(findings({ imports: [{ ...success, rows: 4 }] })).toMatch(/does not close its books/);
  expect(findings({ imports: [{ ...success, outcome: 'running', errorCode: 'run_lost' }] })).toMatch(
    /is still running/,
  );
  expect(findings({ imports: [{ ...success, failed: 1, rows: 4 }] })).toMatch(/lists 0 of 1 failed rows/);
  const next = { ...success, run: 'b~2', since: BEGIN + 25, until: BEGIN + 30, rows: 0, delivered: 0 };
  const later = {
    startedAt: new Date(WINDOW_MS + 9_000).toISOString(),
    endedAt: new Date(WINDOW_MS + 10_000).toISOString(),
  };
  const change = { imports: [success, { ...next, ...later }], lastSyncTime: BEGIN + 30 };
  expect(findings(change)).toMatch(/covers from 1800000025, but last_sync_time was 1800000020/);
  expect(findings({ lastSyncTime: BEGIN })).toMatch(/last_sync_time is 1800000000, not 1800000020/);
});

test('a seed always draws the same round, and another seed another', () => {
  const drawn = (seed: number) => JSON.stringify(drawRound(seed));
  expect(drawn(7)).toBe(drawn(7));
  expect(drawn(7)).not.toBe(drawn(8));
});
