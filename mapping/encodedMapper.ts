import type { Column, EncodedPage } from '../connectors/source.ts';
import { isInstant, timestampToUtc } from './instant.ts';
import { encodedTree, encodedValue } from './encodedTree.ts';
import type { Write } from './encodedTree.ts';
import { ESCAPED_BYTES_MAX, JsonBytes, Literal } from './jsonBytes.ts';
import { jsonText } from './jsonText.ts';
import type { MappingOptions } from './mapper.ts';
import { BLANK, ULID_CHARS, ulidTime } from './messageId.ts';
import { containerOf, OBJECTS, placeColumns } from './placement.ts';
import type { Scalar } from './placement.ts';
import { ResultColumns } from './resultColumns.ts';

/** A finished call in bytes; all of this stands until the next one is written. */
export interface EncodedCall {
  /** Its JSON as in `MappedCall`, but for its messageId: the digest of row and window is left blank, for `digestCalls`. */
  readonly bytes: Buffer;
  readonly end: number;
  readonly sharedBytes: number;
  /** What holds the person in UTF-8, and where. */
  readonly person: Buffer;
  readonly personBegin: number;
  readonly personEnd: number;
}

/** Makes the call of the row that a page looks at; null where that is for `createMapper`. */
export type EncodedMapper = (page: EncodedPage) => EncodedCall | null;

/**
 * The same mapping as `createMapper`, for what most rows are, from bytes to bytes without a string in between: five
 * times as fast. It makes the very same calls, and leaves whatever is out of the ordinary to the other: a row that
 * cannot become a call, or may exceed a limit; a result with ids of its own.
 *
 * @param isText for each column, whether its bytes are the text of its cells.
 * @returns null where it is of no use for the whole result.
 */
export function createEncodedMapper(
  columns: readonly Column[],
  options: MappingOptions,
  isText: readonly boolean[],
): EncodedMapper | null {
  const result = new ResultColumns(columns, placeColumns(columns, options), options);
  const hasWhole = OBJECTS.some((name) => result.indexOf(name) >= 0);
  if (hasWhole || options.messageIdFrom !== null || result.indexOf('messageId') >= 0) return null;
  const head = headOf(result, isText);
  if (head === null) return null;
  const { writeHead, userId, anonymousId } = head;
  const shared = OBJECTS.map((name) => treeOf(result, name, isText)).filter((each) => each !== null);
  const container = containerOf(options.type);
  const body = treeOf(result, container, isText);
  const [opening, nothing] = [new Literal(`,"${container}":`), new Literal('{}')];
  const messageId = new Literal(`"messageId":"${blankId(options)}",`);
  const fixedBytes = fixedBytesOf(columns);
  const { valueBytesMax, recordBytesMax } = options.limits;
  const cellBytesMax = (Math.min(valueBytesMax, recordBytesMax) - fixedBytes) / ESCAPED_BYTES_MAX;
  const out = new JsonBytes();
  // The same object for all rows: they would be half of the garbage of a run.
  const call = { bytes: out.bytes, end: 0, sharedBytes: 0, person: out.bytes, personBegin: 0, personEnd: 0 };

  return (page) => {
    const cellBytes = cellBytesOf(page);
    if (cellBytes > cellBytesMax) return null;
    const person = hasBytes(page, userId) ? userId : anonymousId;
    if (!hasBytes(page, person)) return null;
    out.begin(4 * fixedBytes + 2 * ESCAPED_BYTES_MAX * cellBytes);
    out.literal(BEGIN);
    for (const { key, write } of shared) {
      const before = out.at;
      out.literal(key);
      if (write(page, out)) out.literal(COMMA);
      else out.at = before;
    }
    const sharedBytes = out.at - BEGIN.length;
    out.literal(messageId);
    if (!writeHead(page, out)) return null;
    out.literal(opening);
    if (!(body?.write(page, out) ?? false)) out.literal(nothing);
    out.literal(END);
    if (!out.isUtf8) return null;
    call.bytes = out.bytes;
    call.end = out.at;
    call.sharedBytes = sharedBytes;
    call.person = page.bytes;
    call.personBegin = page.begins[person] ?? 0;
    call.personEnd = page.ends[person] ?? 0;
    return call;
  };
}

const [BEGIN, COMMA, END] = [new Literal('{'), new Literal(','), new Literal('}')];

/** A messageId with its time alone. */
function blankId({ window }: MappingOptions): string {
  return ulidTime(window.firstAttemptAtMs).padEnd(ULID_CHARS, BLANK);
}

/** Room for all that a call and a record hold besides their cells: names twice, and what the API has names for. */
function fixedBytesOf(columns: readonly Column[]): number {
  return 1_024 + 2 * Buffer.byteLength(JSON.stringify(columns.map(({ name }) => ({ [name]: null }))));
}

/** Writes `context`, `integrations`, `traits` or `properties`; null where no column lies below it. */
function treeOf(
  result: ResultColumns,
  name: string,
  isText: readonly boolean[],
): { key: Literal; write: Write } | null {
  const onNull = name === containerOf(result.options.type) && result.options.nulls === 'send' ? 'null' : '';
  const leaves = result.placements.flatMap(({ path }, index) =>
    path[0] === name && path.length > 1
      ? [{ path: path.slice(1), write: encodedValue(result, index, { isText, onNull }) }]
      : [],
  );
  return leaves.length === 0 ? null : { key: new Literal(`"${name}":`), write: encodedTree(leaves) };
}

interface EncodedHead {
  /** Writes `"type":…` to `"timestamp":…`; false where something is amiss. */
  readonly writeHead: Write;
  /** Columns, or -1. */
  readonly userId: number;
  readonly anonymousId: number;
}

/** The same as `headWriter`, for rows that have what they need; null where a reserved column does not hold text. */
function headOf(result: ResultColumns, isText: readonly boolean[]): EncodedHead | null {
  const { type } = result.options;
  const names: readonly Scalar[] = ['userId', 'anonymousId', 'groupId', 'event', 'timestamp'];
  const places = names.map((name) => result.indexOf(name));
  const isAmiss = (index: number) => index >= 0 && !(result.holdsText(index) && isText[index] === true);
  if (places.some(isAmiss)) return null;
  const [userId = -1, anonymousId = -1, groupId = -1, event = -1, timestamp = -1] = places;
  const fields = [
    { index: userId, key: ',"userId":', isNeeded: false },
    { index: anonymousId, key: ',"anonymousId":', isNeeded: false },
    { index: groupId, key: ',"groupId":', isNeeded: type === 'group' },
    { index: event, key: ',"event":', isNeeded: type === 'track' },
    { index: nameOf(result, event), key: ',"name":', isNeeded: false },
  ]
    .filter(({ index }) => index >= 0)
    .map((field) => ({ ...field, key: new Literal(field.key) }));
  const writeTimestamp = timestampWriter(result, timestamp);
  const opening = new Literal(`"type":"${type}"`);
  const writeHead: Write = (page, out) => {
    out.literal(opening);
    for (const { index, key, isNeeded } of fields) {
      const [begin = -1, end = 0] = [page.begins[index], page.ends[index]];
      if (begin >= 0 && end > begin) {
        out.literal(key);
        out.text(page.bytes, begin, end);
      } else if (isNeeded) return false;
    }
    return writeTimestamp(page, out);
  };
  return { writeHead, userId, anonymousId };
}

/** The column that is the name of a page or a screen as well, or -1. */
function nameOf(result: ResultColumns, event: number): number {
  const { type } = result.options;
  if (type !== 'page' && type !== 'screen') return -1;
  if (event >= 0) return event;
  const name = result.indexOf('properties', 'name');
  return name >= 0 && result.holdsText(name) ? name : -1;
}

function timestampWriter(result: ResultColumns, index: number): Write {
  if (index < 0) return () => true;
  const holdsInstants = result.columns[index]?.kind === 'instant';
  return (page, out) => {
    if (!hasBytes(page, index)) return true;
    const text = textAt(page, index);
    const utc = holdsInstants && isInstant(text) ? text : timestampToUtc(text, result.options.timeZone);
    if (utc !== null) out.made(`,"timestamp":${jsonText(utc)}`);
    return utc !== null;
  };
}

function hasBytes({ begins, ends }: EncodedPage, column: number): boolean {
  const begin = begins[column] ?? -1;
  return begin >= 0 && (ends[column] ?? 0) > begin;
}

function textAt({ bytes, begins, ends }: EncodedPage, column: number): string {
  return bytes.toString('utf8', begins[column], ends[column]);
}

function cellBytesOf({ begins, ends }: EncodedPage): number {
  let sum = 0;
  for (let column = 0; column < begins.length; column += 1) {
    const begin = begins[column] ?? -1;
    if (begin >= 0) sum += (ends[column] ?? 0) - begin;
  }
  return sum;
}
