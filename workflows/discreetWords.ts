import type { FailureCode } from '../errors.ts';

/** How the words of a database end. */
const STATE = /\((?:error -?\d+|SQLSTATE \w{5}|error -?\d+, SQLSTATE \w{5})\)/;

/** What the last try may have ended with that is nobody's row. */
const REASON =
  /HTTP \d{3}|no answer within \d+ ms|\b(?:ECONN(?:REFUSED|RESET|ABORTED)|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|E(?:HOST|NET)UNREACH|EPROTO)\b/;

/**
 * What may be said of a failure where rows are not to go, in a log or to a webhook: its message without what a database
 * or a destination says in its own words, who may have put a row's values into them, but with its state or
 * status. A bug says nothing but that it is one, since its message may hold anything.
 */
export function discreetWords(code: FailureCode, message: string): string {
  if (code === 'internal_error') return 'Rowcast itself failed, which is a bug.';
  const [own = '', last] = message.split(' The last try ended with: ');
  return [withoutOthers(own), last === undefined ? null : lastTry(last)]
    .filter((words) => words !== null)
    .join(' ');
}

function withoutOthers(message: string): string {
  const [says, answered] = [message.indexOf(' says: '), message.search(/HTTP \d{3}: /)];
  // Behind a status stands the body of an answer, whatever that says.
  if (says < 0 || (answered >= 0 && answered < says)) return message.replace(/(HTTP \d{3}): .*$/s, '$1.');
  // Up to the sentence in which somebody else says something.
  const own = message.slice(0, message.lastIndexOf('. ', says) + 1);
  const [state] = STATE.exec(message.slice(says)) ?? REASON.exec(message.slice(says)) ?? [];
  return state === undefined ? own : `${own} ${state}`;
}

function lastTry(words: string): string | null {
  const [reason] = REASON.exec(words) ?? [];
  return reason === undefined ? null : `The last try ended with ${reason}.`;
}
