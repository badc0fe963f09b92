import type { Column, Row } from '../connectors/source.ts';
import { RowcastError } from '../errors.ts';
import { instantMs } from './instant.ts';
import { textOf } from './json.ts';
import { charactersOf } from './limits.ts';
import { digest80, digestPrefix, ulidTime } from './messageId.ts';
import { Problem, quoted } from './problem.ts';
import type { ResultColumns } from './resultColumns.ts';
import { timestampReader } from './timestampReader.ts';

/** The longest messageId that destinations keep, in characters (Segment: under 100). */
const MESSAGE_ID_CHARS_MAX = 99;

/** A call's id, and whether it is a digest of row and window, so that a repetition of the row needs another. */
export interface Identity {
  readonly messageId: string;
  readonly repeatable: boolean;
}

/** Answers the id of a row's call. @param content the call without its messageId. */
export type Identify = (row: Row, content: string) => Identity;

/**
 * The rules of the messageId: its own column, then `messageIdFrom`, then the digest of row and window.
 *
 * @throws RowcastError mapping_invalid where `messageIdFrom` names a column that the result does not have.
 */
export function identifier(result: ResultColumns): Identify {
  const ownOf = result.scalar('messageId');
  const { messageIdFrom } = result.options;
  const derive = messageIdFrom === null ? byWindow(result) : byColumns(result, messageIdFrom);
  return (row, content) => {
    const own = ownOf(row);
    if (own === null) return derive(row, content);
    if (own.length <= MESSAGE_ID_CHARS_MAX || charactersOf(own) <= MESSAGE_ID_CHARS_MAX) {
      return { messageId: own, repeatable: false };
    }
    throw new Problem(
      'invalid_value',
      `The messageId ${quoted(own)} is ${charactersOf(own)} characters long, more than the ${MESSAGE_ID_CHARS_MAX} that destinations take; shorten it in the query.`,
    );
  };
}

function byWindow({ options }: ResultColumns): Identify {
  const time = ulidTime(options.window.firstAttemptAtMs);
  const prefix = digestPrefix(options);
  return (_row, content) => ({ messageId: time + digest80(prefix + content), repeatable: true });
}

function byColumns(result: ResultColumns, names: readonly string[]): Identify {
  const { sync } = result.options;
  const indexes = names.map((name) => columnNamed(result.columns, name));
  const timestampOf = timestampReader(result);
  return (row) => {
    const timestamp = timestampOf(row);
    if (timestamp === null) {
      throw new Problem(
        'missing_timestamp',
        'The row has no timestamp, from which `messageIdFrom` takes the time of the messageId; leave such rows out of the query, or fill it.',
      );
    }
    const ms = instantMs(timestamp);
    if (ms < 0) {
      throw new Problem(
        'invalid_timestamp',
        `The timestamp "${timestamp}" lies before 1970, and \`messageIdFrom\` takes the time of the messageId from it; leave such rows out of the query, or correct it.`,
      );
    }
    const cells = indexes.map((index) => {
      const cell = row[index] ?? null;
      return cell === null ? null : textOf(cell);
    });
    return { messageId: ulidTime(ms) + digest80(JSON.stringify([sync, ...cells])), repeatable: false };
  };
}

function columnNamed(columns: readonly Column[], name: string): number {
  const exact = columns.findIndex((column) => column.name === name);
  if (exact >= 0) return exact;
  const index = columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase());
  if (index >= 0) return index;
  throw new RowcastError(
    'mapping_invalid',
    `\`messageIdFrom\` names the column ${JSON.stringify(name)}, which the query does not return; add it, or correct the name.`,
  );
}
