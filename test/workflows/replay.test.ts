import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { workflowBundle } from '../../worker/bundle.ts';
import { runSinks } from '../../worker/runEnds.ts';
import { triedAgain } from './triedAgain.ts';

/*
 * Recorded histories of every workflow are replayed with today's code: a run in flight, or a sync that began years
 * ago, must go on after an upgrade. A new version of the workflows adds its own with `npm run record-histories`.
 */

// What a replay has to say it throws.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { forward: {}, filter: 'OFF' } },
});

const files = globSync(join(import.meta.dirname, '..', 'histories', '*', '*.json')).sort();
const read = (file: string) =>
  JSON.parse(readFileSync(file, 'utf8')) as { events: Record<string, unknown>[] };
const told: string[] = [];
const options = {
  workflowBundle: await workflowBundle(process.env),
  sinks: runSinks(({ run }) => told.push(run)),
};

test('there is a history of every workflow', () => {
  const kinds = new Set(files.map((file) => basename(file, '.json').split('-')[0]));
  expect(kinds).toEqual(
    new Set([
      ...[
        'alert',
        'connectionTest',
        'destination',
        'integration',
        'preview',
        'retryRun',
        'sweep',
        'sync',
        'syncRun',
      ],
      'webhook',
    ]),
  );
});

for (const file of files) {
  test(`the recorded ${file.split('/').slice(-2).join('/')} replays`, async () => {
    await Worker.runReplayHistory(options, read(file));
  });
}

test('alerts that could not be handed over are tried again after a minute, and then ever later, though nothing else happens', async () => {
  const { events } = read(files.find((file) => file.includes('sync-told')) ?? '');
  const replay = (seconds: number[]) =>
    Worker.runReplayHistory(options, { events: triedAgain(events, 'startAlerts', seconds) });
  await replay([60, 120, 240, 480, 600, 600]);
  await expect(replay([59])).rejects.toThrow(/[Nn]ondeterminism/);
  await expect(replay([60, 119])).rejects.toThrow(/[Nn]ondeterminism/);
});

test('a replay tells nobody of runs that have ended', () => {
  expect(told).toEqual([]);
});

test('a history that the workflows would not have written is noticed', async () => {
  const history = read(files.find((file) => file.includes('syncRun-small')) ?? '');
  const events = history.events.map((event) => {
    const scheduled = event['activityTaskScheduledEventAttributes'] as
      { activityType: { name: string } } | undefined;
    if (scheduled?.activityType.name !== 'extractRows') return event;
    return {
      ...event,
      activityTaskScheduledEventAttributes: { ...scheduled, activityType: { name: 'somethingElse' } },
    };
  });
  await expect(Worker.runReplayHistory(options, { events })).rejects.toThrow(/[Nn]ondeterminism/);
});
