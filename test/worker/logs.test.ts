import { expect, test } from 'vitest';
import { discreetWords } from '../../workflows/discreetWords.ts';
import { createLog } from '../../worker/log.ts';
import { Problems } from '../../worker/problems.ts';
import { SdkLogger } from '../../worker/sdkLogger.ts';

const AT = new Date('2026-11-25T10:00:00Z');

/** A log whose lines are kept. */
function kept(env: NodeJS.ProcessEnv = { ROWCAST_LOG: 'text' }, isTTY = false) {
  const lines: string[] = [];
  const stream = { isTTY, write: (line: string) => void lines.push(line) };
  return {
    lines,
    log: createLog(
      env,
      stream,
      (text) => text.replaceAll('s3cret', '[secret]'),
      () => AT,
    ),
  };
}

test('a log is JSON, text on a terminal, or what ROWCAST_LOG says, and holds no secret', () => {
  const machine = kept({});
  machine.log.warn('the key s3cret', { sync: 'people', run: null, rows: 5 });
  expect(machine.lines).toEqual([
    '{"time":"2026-11-25T10:00:00.000Z","level":"warn","message":"the key [secret]","sync":"people","rows":5}\n',
  ]);
  const person = kept({}, true);
  person.log.info('one\nline\u001b[31m', { sync: 'people', code: 'query_failed' });
  expect(person.lines).toEqual(['2026-11-25T10:00:00.000Z info  one line [31m (query_failed)\n']);
  const wanted = kept({ ROWCAST_LOG: 'json' }, true);
  wanted.log.info('hello');
  expect(wanted.lines[0]).toMatch(/^\{/);
  expect(() => kept({ ROWCAST_LOG: 'xml' })).toThrow(/ROWCAST_LOG is "xml"; give json or text/);
});

test.each([
  [
    'query_failed',
    'The query failed; correct it. PostgreSQL says: invalid input syntax for type integer: "Ann. B" (SQLSTATE 22P02) at line 3',
    'The query failed; correct it. (SQLSTATE 22P02)',
  ],
  [
    'query_failed',
    'The query failed; correct it. The server says: Incorrect integer value: (x) (error 1366, SQLSTATE HY000)',
    'The query failed; correct it. (error 1366, SQLSTATE HY000)',
  ],
  [
    'destination_refused',
    'The destination to (https://cdp.example) takes nothing: HTTP 401: no Ann. here. Check its write key.',
    'The destination to (https://cdp.example) takes nothing: HTTP 401.',
  ],
  [
    'destination_unavailable',
    'The destination to (https://cdp.example) cannot take calls now: no answer within 3000 ms. The run tries again.',
    'The destination to (https://cdp.example) cannot take calls now: no answer within 3000 ms. The run tries again.',
  ],
  [
    'destination_rejects_everything',
    'The destination refused the first 200 calls that a lane sent, and accepted none: The destination refused the call. It says: HTTP 400: Ann is no user Correct the query.',
    'The destination refused the first 200 calls that a lane sent, and accepted none: The destination refused the call. HTTP 400',
  ],
  [
    'gave_up',
    'The run gave up, since it tries for 20 hours and no longer. The last try ended with: The destination to cannot take calls now: HTTP 503: Ann. The run tries again. 5 calls had gone out by then.',
    'The run gave up, since it tries for 20 hours and no longer. The last try ended with HTTP 503.',
  ],
  [
    'destination_refused',
    'The destination to (https://cdp.example) takes nothing: HTTP 401: Sorry. Ann is none. Your boss says: no. Check its write key.',
    'The destination to (https://cdp.example) takes nothing: HTTP 401.',
  ],
  [
    'webhook_refused',
    'The webhook oncall was not told: HTTP 404: Ann. It says: {"a": "no"}. That is not tried again.',
    'The webhook oncall was not told: HTTP 404.',
  ],
  [
    'source_permission_denied',
    'The user reader lacks a right that the query needs; grant it. PostgreSQL says: Ann may not (SQLSTATE 42501)',
    'The user reader lacks a right that the query needs; grant it. (SQLSTATE 42501)',
  ],
  [
    'query_failed',
    'The query failed; correct it. BigQuery says: Bad int64 value: EDWARD (invalidQuery, 400)',
    'The query failed; correct it.',
  ],
  [
    'source_busy',
    'The server db:5432 takes no more connections; the run tries again. PostgreSQL says: Ann has them',
    'The server db:5432 takes no more connections; the run tries again.',
  ],
  ['internal_error', 'Unexpected token "Ann" is not valid JSON', 'Rowcast itself failed, which is a bug.'],
  ['source_busy', 'The database db:5432 is too busy.', 'The database db:5432 is too busy.'],
] as const)(
  'of %s the log says what Rowcast says, and not what others say of rows',
  (code, message, words) => {
    expect(discreetWords(code, message)).toBe(words);
  },
);

test('a problem that lasts is told when it begins and when it is over, lanes together, and each code once', () => {
  const { lines, log } = kept();
  let nowMs = 0;
  const problems = new Problems(log, () => nowMs);
  const work = { name: 'run', activity: 'deliverLanes', sync: 'people', run: 'run' };
  const trouble = { code: 'destination_unavailable', message: 'It is away.' } as const;
  for (; nowMs < 20 * 3_600_000; nowMs += 60_000) {
    problems.met(work, trouble);
    problems.met(work, trouble);
    problems.moved(work); // One lane comes through now and then.
  }
  problems.met(work, { code: 'storage_full', message: 'No room.' });
  nowMs += 61_000;
  problems.moved(work);
  problems.moved(work);
  expect(lines.map((line) => line.slice(25).trimEnd())).toEqual([
    'warn  people waits: It is away. (destination_unavailable, run)',
    'warn  people waits: No room. (storage_full, run)',
    'info  people goes on, after 72000 s of destination_unavailable, storage_full. (destination_unavailable, storage_full, run)',
  ]);
  problems.met(work, trouble);
  problems.ended('run');
  problems.met(work, trouble);
  expect(lines).toHaveLength(5);
});

test("what Temporal's SDK repeats is told once in ten minutes, and that its server is away with a code", () => {
  const { lines, log } = kept();
  let nowMs = 0;
  const logger = new SdkLogger(log, () => nowMs);
  for (let tries = 6; tries < 60; tries += 1) {
    logger.warn(`gRPC call poll_workflow_task_queue retried ${tries} times`);
    logger.warn(`gRPC call poll_activity_task_queue retried ${tries} times`);
    logger.log('WARN', 'Something else', { attempt: tries });
    logger.warn('Activity failed', { error: new Error('in its own line') });
    logger.log('INFO', 'Worker state changed');
  }
  expect(lines.map((line) => line.slice(25).trimEnd())).toEqual([
    'warn  Temporal does not answer; the worker goes on trying. (temporal_unreachable)',
    "warn  Temporal's SDK: Something else",
  ]);
  nowMs = 600_000;
  logger.warn('gRPC call poll_workflow_task_queue retried 60 times');
  expect(lines).toHaveLength(3);
});
