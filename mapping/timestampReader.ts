import { isInstant, timestampToUtc } from './instant.ts';
import { Problem, quoted } from './problem.ts';
import type { ReadText, ResultColumns } from './resultColumns.ts';

/** Reads the `timestamp` column as ISO 8601 in UTC. */
export function timestampReader(result: ResultColumns): ReadText {
  const textOf = result.scalar('timestamp');
  const { timeZone } = result.options;
  const holdsInstants = result.columns[result.indexOf('timestamp')]?.kind === 'instant';
  return (row) => {
    const text = textOf(row);
    if (text === null || (holdsInstants && isInstant(text))) return text;
    const utc = timestampToUtc(text, timeZone);
    if (utc !== null) return utc;
    throw new Problem(
      'invalid_timestamp',
      `The timestamp ${quoted(text)} is not a date-time, ISO 8601 text, or Unix time in seconds or milliseconds; convert it in the query.`,
    );
  };
}
