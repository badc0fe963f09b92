import { Context } from '@temporalio/activity';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { Sender, Verdict } from '../delivery/sender.ts';
import { RowcastError } from '../errors.ts';
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
    else await testDestination(request.definition, deps, steps, signal);
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

function noAnswer({ kind, definition: { name } }: ConnectionTestRequest): RowcastError {
  return new RowcastError(
    kind === 'integration' ? 'source_unreachable' : 'destination_unavailable',
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
