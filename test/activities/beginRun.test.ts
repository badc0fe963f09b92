import { Client, Connection, ServiceError } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { beginRun } from '../../activities/beginRun.ts';
import { readWorkerSettings } from '../../activities/settings.ts';

test('a run that cannot ask its sync while Temporal is away asks again, however long it has waited', async () => {
  // Nobody listens there; without interceptors the client does not try again by itself.
  const connection = Connection.lazy({ address: '127.0.0.1:1', interceptors: [] });
  const client = new Client({ connection });
  const now = Date.now();
  const info = { scheduledTimestampMs: now - 600_000, currentAttemptScheduledTimestampMs: now };
  const settings = { ...readWorkerSettings({}), storageWaitMs: 3_000 };
  const input = { sync: 'people', run: 'a run', startedAt: '', scheduledAt: '', upToDate: true };
  try {
    const begun = new MockActivityEnvironment(info, { client }).run(() => beginRun(input, settings, 'queue'));
    // Temporal tries again what is not final; a failure of Rowcast's own would be.
    await expect(begun).rejects.toThrow(ServiceError);
  } finally {
    await connection.close();
  }
});
