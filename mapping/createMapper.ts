import type { Cell, Column, Row } from '../connectors/source.ts';
import { RowcastError } from '../errors.ts';
import { encodeTree } from './encodeTree.ts';
import type { Encode, Leaf } from './encodeTree.ts';
import { instantMs, isInstant, timestampToUtc } from './instant.ts';
import { jsonEncoder, jsonText, nests, textOf } from './json.ts';
import type { MappedCall, Mapper, MappingOptions, Placement, RowProblem, RowProblemCode } from './mapper.ts';
import { digest80, MAPPING_VERSION, ulidTime } from './messageId.ts';
import { containerOf, OBJECTS, placeColumns } from './placement.ts';
import type { Scalar } from './placement.ts';
import { rowJson } from './rowData.ts';

/** The longest messageId that destinations keep, in characters (Segment: under 100). */
const MESSAGE_ID_CHARS_MAX = 99;

/**
 * Compiles the mapping of one result: where every column goes is decided once, and each row is then written
 * by one chain of encoders without an object in between.
 *
 * @throws RowcastError mapping_invalid, limit_exceeded: what is wrong with the whole result.
 */
export function createMapper(columns: readonly Column[], options: MappingOptions): Mapper {
  const placements = placeColumns(columns, options);
  const result = new ResultColumns(columns, placements, options);
  const writers = {
    shared: sharedWriter(result),
    head: headWriter(result),
    body: bodyWriter(result),
    identify: identifier(result),
  };
  return {
    columns,
    placements,
    warnings: warningsOf(columns, options),
    map(row) {
      try {
        return mapRow(row, result, writers);
      } catch (error) {
        if (error instanceof Problem) return { ok: false, code: error.code, message: error.message };
        throw error;
      }
    },
  };
}

interface Writers {
  readonly shared: Encode;
  readonly head: (row: Row) => { readonly json: string; readonly person: string };
  readonly body: Encode;
  readonly identify: (
    row: Row,
    content: string,
  ) => { readonly messageId: string; readonly repeatable: boolean };
}

function mapRow(row: Row, result: ResultColumns, writers: Writers): MappedCall | RowProblem {
  const shared = writers.shared(row);
  const head = writers.head(row);
  const rest = `${head.json}${writers.body(row)}}`;
  const { messageId, repeatable } = writers.identify(row, shared + rest);
  const json = `{${shared}"messageId":${jsonText(messageId)},${rest}`;
  result.checkRecord(row, json);
  const sharedBytes = shared === '' ? 0 : Buffer.byteLength(shared);
  return { ok: true, json, sharedBytes, messageId, repeatable, person: head.person };
}

/** A row that cannot become a call: thrown to the one place that turns it into a `RowProblem`. */
class Problem extends Error {
  readonly code: RowProblemCode;
  constructor(code: RowProblemCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The columns of a result with their places, and the reading of their cells. */
class ResultColumns {
  readonly columns: readonly Column[];
  readonly placements: readonly Placement[];
  readonly options: MappingOptions;

  constructor(columns: readonly Column[], placements: readonly Placement[], options: MappingOptions) {
    this.columns = columns;
    this.placements = placements;
    this.options = options;
  }

  indexOf(...path: string[]): number {
    return this.placements.findIndex((placement) => placement.path.join('\0') === path.join('\0'));
  }

  nameOf(index: number): string {
    return JSON.stringify(this.columns[index]?.name ?? '');
  }

  /** Reads a reserved column of one value as text; null where it is absent, NULL or empty. */
  scalar(name: Scalar): (row: Row) => string | null {
    const index = this.indexOf(name);
    const column = this.columns[index];
    if (column === undefined) return () => null;
    const isText = !['boolean', 'json', 'binary'].includes(column.kind);
    return (row) => {
      const cell = row[index] ?? null;
      if (cell === null || cell === '') return null;
      if (!isText || typeof cell !== 'string') {
        throw new Problem(
          'invalid_value',
          `The column ${this.nameOf(index)} holds a ${column.kind} value, but ${name} must be text; cast it to text in the query.`,
        );
      }
      this.checkValue(index, cell, cell);
      return cell;
    };
  }

  /** Encodes a column's cell by its kind; NULL is written as `onNull`. */
  value(index: number, onNull: '' | 'null'): Encode {
    const column = this.columns[index];
    const encode = jsonEncoder(column?.kind ?? 'text', this.options.timeZone);
    const bytesMax = this.options.limits.valueBytesMax;
    return (row) => {
      const cell = row[index] ?? null;
      if (cell === null) return onNull;
      const json = encode(cell);
      if (json.length * 3 > bytesMax) this.checkValue(index, cell, json);
      return json;
    };
  }

  checkValue(index: number, cell: Cell, json: string): void {
    const bytesMax = this.options.limits.valueBytesMax;
    if (json.length * 3 <= bytesMax) return;
    const bytes = Buffer.byteLength(json === cell ? jsonText(json) : json);
    if (bytes <= bytesMax) return;
    throw new Problem(
      'value_too_large',
      `The column ${this.nameOf(index)} holds ${bytes} bytes as JSON, more than the limit of ${bytesMax} (\`limits.valueBytesMax\`); shorten it in the query.`,
    );
  }

  /** The record is the row as JSON; most rows are too short to be measured. */
  checkRecord(row: Row, json: string): void {
    const bytesMax = this.options.limits.recordBytesMax;
    if (json.length * 3 <= bytesMax) return;
    const bytes = Buffer.byteLength(rowJson(this.columns, row, this.options.timeZone));
    if (bytes <= bytesMax) return;
    throw new Problem(
      'record_too_large',
      `The row holds ${bytes} bytes as JSON, more than the limit of ${bytesMax} (\`limits.recordBytesMax\`); select less.`,
    );
  }
}

/** `context` and `integrations`, which some destinations take once for a whole batch. */
function sharedWriter(result: ResultColumns): Encode {
  const writers = OBJECTS.flatMap((name) => {
    const encode = objectWriter(result, name);
    return encode === null ? [] : [{ key: `"${name}":`, encode }];
  });
  return (row) => {
    let shared = '';
    for (const { key, encode } of writers) {
      const json = encode(row);
      if (json !== '') shared += `${key}${json},`;
    }
    return shared;
  };
}

function objectWriter(result: ResultColumns, name: string): Encode | null {
  const whole = result.indexOf(name);
  if (whole >= 0) return wholeObject(result, whole);
  const leaves = leavesBelow(result, name, '');
  return leaves.length === 0 ? null : encodeTree(leaves);
}

function wholeObject(result: ResultColumns, index: number): Encode {
  const value = result.value(index, '');
  return (row) => {
    const cell = row[index] ?? null;
    if (cell === null || cell === '') return '';
    const text = textOf(cell);
    if (text.trim() === 'null') return '';
    if (typeof cell !== 'string' || !text.trimStart().startsWith('{') || !nests(text)) {
      throw new Problem(
        'invalid_value',
        `The column ${result.nameOf(index)} must hold a JSON object; build one in the query, or use columns such as "context.ip".`,
      );
    }
    value(row); // for its limit
    return text.replaceAll('\n', ' ');
  };
}

function leavesBelow(result: ResultColumns, parent: string, onNull: '' | 'null'): Leaf[] {
  return result.placements.flatMap(({ path }, index) =>
    path[0] === parent && path.length > 1
      ? [{ path: path.slice(1), encode: result.value(index, onNull) }]
      : [],
  );
}

/** `"type":…` to `"timestamp":…`, and whose call it is. */
function headWriter(result: ResultColumns): Writers['head'] {
  const { type, duties } = result.options;
  const [userIdOf, anonymousIdOf] = [result.scalar('userId'), result.scalar('anonymousId')];
  const [groupIdOf, eventOf] = [result.scalar('groupId'), result.scalar('event')];
  const [emailOf, nameOf] = [emailReader(result), nameReader(result)];
  const timestampOf = timestampReader(result);
  const needsPerson = !(type === 'group' && duties.groupWithoutPerson);
  return (row) => {
    const [userId, anonymousId] = [userIdOf(row), anonymousIdOf(row)];
    const [groupId, event] = [groupIdOf(row), eventOf(row)];
    const email = userId === null && anonymousId === null ? emailOf(row) : null;
    if (type === 'group' && groupId === null) throw lacks('missing_group_id', 'groupId', 'a group');
    if (type === 'track' && event === null) throw lacks('missing_event', 'event', 'a track');
    const named = userId !== null || anonymousId !== null;
    if (!named && needsPerson && email === null) throw missingUser(result);
    let json = `"type":"${type}"`;
    if (userId !== null) json += `,"userId":${jsonText(userId)}`;
    else if (email !== null && type === 'identify') json += ',"userId":""';
    if (anonymousId !== null) json += `,"anonymousId":${jsonText(anonymousId)}`;
    if (groupId !== null) json += `,"groupId":${jsonText(groupId)}`;
    if (event !== null) json += `,"event":${jsonText(event)}`;
    const name = nameOf(row, event);
    if (name !== null) json += `,"name":${jsonText(name)}`;
    const timestamp = timestampOf(row);
    if (timestamp !== null) json += `,"timestamp":"${timestamp}"`;
    return { json, person: userId ?? anonymousId ?? groupId ?? email ?? '' };
  };
}

function lacks(code: RowProblemCode, column: string, what: string): Problem {
  return new Problem(
    code,
    `The row has no ${column}, which ${what} needs; leave such rows out of the query, or fill it.`,
  );
}

function missingUser({ options: { type, duties } }: ResultColumns): Problem {
  const names =
    type === 'identify' && duties.identifyByEmail ? 'userId, anonymousId or email' : 'userId or anonymousId';
  return new Problem(
    'missing_user',
    `The row has no ${names}, one of which ${type === 'identify' ? 'an' : 'a'} ${type} needs; leave such rows out of the query, or fill it.`,
  );
}

/** The `email` trait, where it can stand for a person. */
function emailReader(result: ResultColumns): (row: Row) => string | null {
  const { type, duties } = result.options;
  const index = type === 'identify' && duties.identifyByEmail ? result.indexOf('traits', 'email') : -1;
  return (row) => {
    const cell = index < 0 ? null : (row[index] ?? null);
    return typeof cell === 'string' && cell !== '' ? cell : null;
  };
}

/** `page` and `screen` have a `name` in the API: the event, or without such a column a `name` column. */
function nameReader(result: ResultColumns): (row: Row, event: string | null) => string | null {
  const { type } = result.options;
  if (type !== 'page' && type !== 'screen') return () => null;
  if (result.indexOf('event') >= 0) return (_row, event) => event;
  const index = result.indexOf('properties', 'name');
  return (row) => {
    const cell = index < 0 ? null : (row[index] ?? null);
    return typeof cell === 'string' && cell !== '' ? cell : null;
  };
}

function timestampReader(result: ResultColumns): (row: Row) => string | null {
  const textOfTimestamp = result.scalar('timestamp');
  const { timeZone } = result.options;
  return (row) => {
    const text = textOfTimestamp(row);
    if (text === null || isInstant(text)) return text;
    const utc = timestampToUtc(text, timeZone);
    if (utc !== null) return utc;
    throw new Problem(
      'invalid_timestamp',
      `The timestamp ${JSON.stringify(text.slice(0, 100))} is not a date-time, ISO 8601 text, or Unix time in seconds or milliseconds; convert it in the query.`,
    );
  };
}

function bodyWriter(result: ResultColumns): Encode {
  const container = containerOf(result.options.type);
  const tree = encodeTree(leavesBelow(result, container, result.options.nulls === 'send' ? 'null' : ''));
  return (row) => `,"${container}":${tree(row) || '{}'}`;
}

/** The rules of the messageId: its own column, then `messageIdFrom`, then the digest of row and window. */
function identifier(result: ResultColumns): Writers['identify'] {
  const ownOf = result.scalar('messageId');
  const derive = result.options.messageIdFrom === null ? byWindow(result) : byColumns(result);
  return (row, content) => {
    const own = ownOf(row);
    if (own === null) return derive(row, content);
    if (own.length <= MESSAGE_ID_CHARS_MAX) return { messageId: own, repeatable: false };
    throw new Problem(
      'invalid_value',
      `The messageId is ${own.length} characters long, more than the ${MESSAGE_ID_CHARS_MAX} that destinations take; shorten it in the query.`,
    );
  };
}

function byWindow({ options: { sync, window, type } }: ResultColumns): Writers['identify'] {
  const time = ulidTime(window.firstAttemptAtMs);
  const prefix = JSON.stringify([MAPPING_VERSION, sync, window.id, type]);
  return (_row, content) => ({ messageId: time + digest80(prefix + content), repeatable: true });
}

function byColumns(result: ResultColumns): Writers['identify'] {
  const { sync, messageIdFrom } = result.options;
  const indexes = (messageIdFrom ?? []).map((name) => columnNamed(result.columns, name));
  const timestampOf = timestampReader(result);
  return (row) => {
    const timestamp = timestampOf(row);
    if (timestamp === null || instantMs(timestamp) < 0) {
      throw new Problem(
        'missing_timestamp',
        'The row has no timestamp since 1970, from which `messageIdFrom` takes the time of the messageId; fill it.',
      );
    }
    const cells = indexes.map((index) => {
      const cell = row[index] ?? null;
      return cell === null ? null : textOf(cell);
    });
    const messageId = ulidTime(instantMs(timestamp)) + digest80(JSON.stringify([sync, ...cells]));
    return { messageId, repeatable: false };
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

function warningsOf(columns: readonly Column[], { limits }: MappingOptions): string[] {
  if (columns.length <= limits.columnsWarn) return [];
  return [
    `The query returns ${columns.length} columns, more than the ${limits.columnsWarn} that are recommended; more than ${limits.columnsMax} are refused.`,
  ];
}
