import { BLANK, ULID_CHARS, ULID_TIME_CHARS, writeDigest80 } from '../mapping/messageId.ts';
import { AFTER_ID_BYTES, messageIdOffset } from './calls.ts';
import { PlacedIds } from './placedIds.ts';
import { filledCalls } from './stagedCalls.ts';

const BLANK_BYTE = BLANK.charCodeAt(0);

/**
 * Makes the digests that are blank in a chunk that was filled here: of the prefix, and of the call without its messageId.
 *
 * @param rows how many calls the chunk has.
 * @param prefix of `digestPrefix`
 * @returns the messageIds whose digests were made, as `PlacedIds` has them.
 */
export function digestCalls(chunk: Buffer, rows: number, prefix: string): Int32Array<ArrayBuffer> {
  const calls = filledCalls(chunk, rows);
  const ids = new PlacedIds(rows);
  const content = new Content(prefix);
  let end = -1;
  for (let index = 0; index < rows; index += 1) {
    const begin = end + 1;
    end = begin + calls.bytes(index);
    const sharedBytes = calls.sharedBytes(index);
    const id = begin + messageIdOffset(sharedBytes);
    if (chunk[id + ULID_TIME_CHARS] !== BLANK_BYTE) continue;
    const rest = id + ULID_CHARS + AFTER_ID_BYTES;
    content.begin(end - begin);
    if (sharedBytes > 0) content.add(chunk, begin + 1, begin + 1 + sharedBytes);
    content.add(chunk, rest, end);
    writeDigest80(chunk, id + ULID_TIME_CHARS, content.bytes);
    ids.add(chunk, id);
  }
  return ids.words;
}

/** Calls up to so long have a view of the memory for each length, since making one takes as long as copying a call. */
const VIEWED_BYTES_MAX = 4_096;

/** What is digested, in the same memory call after call. */
class Content {
  readonly #prefixBytes: number;
  #memory: Buffer;
  #views: Buffer[] = [];
  #end = 0;

  constructor(prefix: string) {
    this.#memory = Buffer.from(prefix);
    this.#prefixBytes = this.#memory.length;
  }

  /** Begins again after the prefix, with room for so many bytes. */
  begin(bytes: number): void {
    this.#end = this.#prefixBytes;
    if (this.#memory.length - this.#end >= bytes) return;
    const larger = Buffer.allocUnsafeSlow((this.#end + bytes) * 2);
    this.#memory.copy(larger, 0, 0, this.#end);
    this.#memory = larger;
    this.#views = [];
  }

  add(from: Buffer, begin: number, end: number): void {
    this.#end += from.copy(this.#memory, this.#end, begin, end);
  }

  get bytes(): Buffer {
    const end = this.#end;
    if (end > VIEWED_BYTES_MAX) return this.#memory.subarray(0, end);
    return (this.#views[end] ??= this.#memory.subarray(0, end));
  }
}
