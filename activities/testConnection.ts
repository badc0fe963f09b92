import { Context } from '@temporalio/activity';
import { ulid } from 'ulid';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { WebhookDefinition } from '../definitions/webhook.ts';
import type { Sender, Verdict } from '../delivery/sender.ts';
import { RowcastError } from '../errors.ts';
import type { Alert } from '../workflows/alertMessages.ts';
import type { ConnectionTest, ConnectionTestRequest } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeating } from './heartbeat.ts';
import { testSource } from './testSource.ts';
import { Steps } from './testSteps.ts';

/** For all steps together: those who save wait for it (see `workflows/tryOut.ts`). */
const TEST_SECONDS_MAX = 30;

/** Tries a source or a destination out, a step at a time, up to the first that fails. */
export async function testConnection(
  request: ConnectionTestRequest,
  deps: ActivityDeps,
): Promise<ConnectionTest> {
  using heart = heartbeating(() => undefined, deps.settings);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(noAnswer(request)), TEST_SECONDS_MAX * 1_000);
  const signal = AbortSignal.any([Context.current().cancellationSignal, late.signal]);
  const steps = new Steps(deps.redact, signal);
  try {
    if (request.kind === 'integration') await testSource(request, deps, steps, signal);
    else if (request.kind === 'destination') await testDestination(request.definition, deps, steps, signal);
    else await testWebhook(request.definition, deps, steps, signal);
    heart.now();
    return { ok: true, steps: steps.found };
  } catch (error) {
    if (!(error instanceof RowcastError)) throw error;
    const { unknownHostKey } = error;
    return { ok: false, steps: steps.found, ...(unknownHostKey === undefined ? {} : { unknownHostKey }) };
  } finally {
    clearTimeout(timer);
  }
}

const UNREACHABLE = {
  integration: 'source_unreachable',
  destination: 'destination_unavailable',
  webhook: 'webhook_unavailable',
} as const;

function noAnswer({ kind, definition: { name } }: ConnectionTestRequest): RowcastError {
  return new RowcastError(
    UNREACHABLE[kind],
    `There was no answer within ${TEST_SECONDS_MAX} seconds on the way to the ${kind} ${name}; check that it is up, that host and port are its own, and the firewalls between.`,
  );
}

function greetingWords({ profile }: Sender, verdict: Verdict): string {
  if (verdict.kind === 'accepted') {
    const doubt = profile.checksWriteKey
      ? ''
      : '; it says so whatever the write key is, so compare that yourself';
    return `${profile.batchUrl} took it${doubt}`;
  }
  return `${profile.batchUrl} is there and did not refuse the write key; of the batch it says: ${verdict.words}`;
}

async function testDestination(
  definition: DestinationDefinition,
  { openSender }: ActivityDeps,
  steps: Steps,
  signal: AbortSignal,
): Promise<void> {
  const sender = await steps.run(
    'find the write key',
    () => openSender(definition),
    () => 'the worker has it',
  );
  await steps.run(
    'send a batch without calls',
    () => sender.greet(signal),
    (verdict) => greetingWords(sender, verdict),
  );
}

async function testWebhook(
  definition: WebhookDefinition,
  { openWebhook }: ActivityDeps,
  steps: Steps,
  signal: AbortSignal,
): Promise<void> {
  const webhook = await steps.run(
    'find the URL and the key',
    () => openWebhook(definition),
    () => 'the worker has both',
  );
  await steps.run(
    'tell it of a test',
    () => webhook.tell(testAlert(definition.name), signal),
    () => 'it took a signed message',
  );
}

function testAlert(webhook: string): Alert {
  return {
    version: 1,
    id: ulid(),
    event: 'test',
    at: new Date().toISOString(),
    sync: null,
    integration: null,
    since: null,
    recoveredFrom: [],
    run: null,
    text: `This is a test of the webhook ${webhook}: Rowcast will tell here when something is wrong with a sync.`,
  };
}
