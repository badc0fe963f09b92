import { ActivityFailure, ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/types.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SealedTunnelKey, TunnelKeys } from '../tunnel/sealedKey.ts';
import { changedFields } from './changedFields.ts';
import type { ConnectionTest, SaveRefusal } from './contract.ts';

/* What is to be saved is tried out first. */

const { testConnection } = proxyActivities<Pick<ControlActivities, 'testConnection'>>({
  startToCloseTimeout: '35 seconds',
  scheduleToCloseTimeout: '40 seconds',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 1 },
  summary: 'test the connection before it is saved',
});

/** The fields that say how a source is reached; the others make no difference to whether it is. */
const OF_CONNECTION = ['source', 'tunnel'];

/** Whether a change of an integration is one of how its source is reached. @param before null where it is new. */
export function needsTest(
  before: IntegrationDefinition | null,
  after: IntegrationDefinition,
  { pending }: TunnelKeys,
): boolean {
  if (before === null) return true;
  if (after.tunnel !== undefined && (pending !== null || after.tunnel.hostKey === undefined)) return true;
  return changedFields(before, after).some((field) => OF_CONNECTION.includes(field));
}

/** Tries an integration out, with the pending key of its tunnel where there is one. Null: it may be saved. */
export async function tryOut(
  definition: IntegrationDefinition,
  { pending, active }: TunnelKeys,
): Promise<SaveRefusal | null> {
  const key = definition.tunnel === undefined ? null : (pending ?? active);
  if (definition.tunnel !== undefined && key === null) return noKey(definition.name);
  const { ok, steps, unknownHostKey } = await tested(definition, key);
  if (ok) return null;
  const failed = steps.at(-1);
  const step = failed?.step ?? 'the test';
  const words = `${step} failed. ${ended(failed?.words ?? '')}`;
  if (unknownHostKey !== undefined) {
    const message = `The integration ${definition.name} was not saved. ${failed?.words ?? ''}`;
    return { code: 'tunnel_host_key_unknown', message, unknownHostKey };
  }
  const message =
    pending !== null && key === pending
      ? ofPending(definition.name, pending, words)
      : `The integration ${definition.name} was not saved, since it does not work: ${words} Put that right and save again, or save it all the same with --no-test.`;
  return { code: 'connection_test_failed', message };
}

/** What servers say does not always end like a sentence. */
const ended = (words: string) => (/[.!?]$/.test(words) ? words : `${words}.`);

function noKey(name: string): SaveRefusal {
  return {
    code: 'tunnel_key_missing',
    message: `The tunnel of the integration ${name} has no key yet; make one with \`rowcast integration key ${name}\`, put it on the SSH server, and save again.`,
  };
}

const ofPending = (name: string, { fingerprint }: SealedTunnelKey, words: string) =>
  `The integration ${name} was not saved, since the database was not reached with the pending key ${fingerprint}; runs go on as before: ${words} Put the key that \`rowcast integration key ${name}\` prints on the SSH server and save again, or take it back with \`rowcast integration key ${name} --discard\`.`;

/** @throws ApplicationFailure connection_test_failed where nothing came of it. */
async function tested(
  definition: IntegrationDefinition,
  key: SealedTunnelKey | null,
): Promise<ConnectionTest> {
  try {
    return await testConnection({ kind: 'integration', definition, ...(key === null ? {} : { key }) });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    throw ApplicationFailure.nonRetryable(
      `The integration ${definition.name} was not saved, since its connection could not be tested to the end (${error.cause?.message ?? error.message}); try again.`,
      'connection_test_failed',
    );
  }
}
