import { Context } from '@temporalio/activity';
import type { DestinationDefinition } from '../definitions/destination.ts';
import { placeOfSource } from '../definitions/place.ts';
import type { Sender, Verdict } from '../delivery/sender.ts';
import { RowcastError } from '../errors.ts';
import type { ConnectionTest, ConnectionTestRequest, TestStep } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeating } from './heartbeat.ts';
import { keyToTest } from './openIntegration.ts';

/** Does one step, and notes what it found in words. */
type Step = <Found>(
  name: string,
  task: () => Promise<Found>,
  wordsOf: (found: Found) => string,
) => Promise<Found>;

/** Tries a source or a destination out, a step at a time, up to the first that fails. */
export async function testConnection(
  request: ConnectionTestRequest,
  deps: ActivityDeps,
): Promise<ConnectionTest> {
  using heart = heartbeating(() => undefined, deps.settings);
  const { cancellationSignal: signal } = Context.current();
  const steps: TestStep[] = [];
  const step: Step = async (name, task, wordsOf) => {
    try {
      const found = await task();
      steps.push({ step: name, ok: true, words: wordsOf(found) });
      return found;
    } catch (error) {
      const words = error instanceof RowcastError ? deps.redact(error.message) : '';
      steps.push({ step: name, ok: false, words });
      throw error;
    }
  };
  try {
    if (request.kind === 'integration') await testSource(request, deps, step, signal);
    else await testDestination(request.definition, deps, step, signal);
    heart.now();
    return { ok: true, steps };
  } catch (error) {
    if (!(error instanceof RowcastError)) throw error;
    return { ok: false, steps };
  }
}

async function testSource(
  { definition: integration, key }: Extract<ConnectionTestRequest, { kind: 'integration' }>,
  { openSource }: ActivityDeps,
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  const { user, server, database } = placeOfSource(integration.source);
  const source = await step(
    'connect and sign in',
    async () => openSource(integration, key ?? (await keyToTest(integration)), signal),
    () => `${user} at ${server}, database ${database}`,
  );
  try {
    await step(
      'read the clock',
      () => source.clock(),
      (ms) => clockWords(ms, Date.now()),
    );
    const sql = 'SELECT 1 AS one';
    await step(
      'query in a session that only reads',
      async () => Array.fromAsync((await source.query({ sql, pageRows: 1, signal })).pages),
      () => `${sql} was answered`,
    );
  } finally {
    await source.close();
  }
}

/** @param sourceMs, workerMs milliseconds since 1970. */
function clockWords(sourceMs: number, workerMs: number): string {
  const seconds = Math.round((sourceMs - workerMs) / 1_000);
  const side = seconds > 0 ? 'ahead of' : 'behind';
  const apart = seconds === 0 ? 'like' : `${Math.abs(seconds)} s ${side}`;
  return `${new Date(sourceMs).toISOString()}, ${apart} this worker's`;
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
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  const sender = await step(
    'find the write key',
    () => openSender(definition),
    () => 'the worker has it',
  );
  await step(
    'send a batch without calls',
    () => sender.greet(signal),
    (verdict) => greetingWords(sender, verdict),
  );
}
