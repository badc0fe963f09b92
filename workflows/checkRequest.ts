import { ApplicationFailure } from '@temporalio/workflow';

/*
 * Validators of updates, which any tool of Temporal can send: one that is refused before it is taken up leaves no
 * trace, while one that its handler cannot read would fail the workflow's task, again and again.
 */

/** @throws ApplicationFailure definition_invalid unless the request holds a definition. */
export function mustHoldDefinition(request: unknown): void {
  const definition = fieldOf(request, 'definition');
  if (typeof definition === 'object' && definition !== null) return;
  throw refusal('apply', 'a `definition`');
}

/** @throws ApplicationFailure definition_invalid unless the request names its run. */
export function mustNameRun(request: unknown): void {
  const run = fieldOf(request, 'run');
  if (typeof run === 'string' && run !== '') return;
  throw refusal('beginRun or finishRun', 'the name of its `run`');
}

/** @throws ApplicationFailure definition_invalid unless the request holds a time that `last_sync_time` can be. */
export function mustHoldTime(request: unknown): void {
  const to = fieldOf(request, 'to');
  if (Number.isSafeInteger(to) && (to as number) >= 0 && (to as number) <= DATE_SECONDS_MAX) return;
  throw refusal('reset', `as \`to\` a time in whole Unix seconds, from 0 to ${DATE_SECONDS_MAX}`);
}

/** What lies beyond is no Date, and the sync shows its time as one. Source: ECMAScript, time values. */
const DATE_SECONDS_MAX = 8_640_000_000_000;

/** @throws ApplicationFailure definition_invalid unless the request says what is to be done with a key. */
export function mustNameAction(request: unknown): void {
  const action = fieldOf(request, 'action');
  if (action === 'show' || action === 'rotate' || action === 'discard') return;
  throw refusal('key', 'as `action` one of "show", "rotate" and "discard"');
}

function fieldOf(request: unknown, field: string): unknown {
  return typeof request === 'object' && request !== null ? Reflect.get(request, field) : undefined;
}

function refusal(update: string, what: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `An update ${update} must hold ${what}; use Rowcast's client or its command instead.`,
    'definition_invalid',
  );
}
