import { BLANK, ULID_CHARS, ULID_TIME_CHARS, writeDigest80 } from '../mapping/messageId.ts';
import { AFTER_ID_BYTES, messageIdOffset } from './calls.ts';
import { stagedCalls } from './stagedCalls.ts';

/**
 * Makes the digests that are blank in a chunk: of the prefix, and of the call without its messageId.
 *
 * @param rows how many calls the chunk has.
 * @param prefix of `digestPrefix`
 * @returns where in the chunk the messageIds begin whose digests were made.
 */
export function digestCalls(chunk: Buffer, rows: number, prefix: string): Int32Array<ArrayBuffer> {
  const calls = stagedCalls(chunk, { rows });
  const ids = new Int32Array(calls.count);
  const content = new Content(prefix);
  let made = 0;
  let end = -1;
  for (let index = 0; index < calls.count; index += 1) {
    const begin = end + 1;
    end = begin + calls.bytes(index);
    const sharedBytes = calls.sharedBytes(index);
    const id = begin + messageIdOffset(sharedBytes);
    if (chunk[id + ULID_TIME_CHARS] !== BLANK) continue;
    const rest = id + ULID_CHARS + AFTER_ID_BYTES;
    content.begin(end - begin);
    content.add(chunk, begin + 1, begin + 1 + sharedBytes);
    content.add(chunk, rest, end);
    writeDigest80(chunk, id + ULID_TIME_CHARS, content.bytes);
    ids[made++] = id;
  }
  return ids.subarray(0, made);
}

/** What is digested, in the same memory call after call. */
class Content {
  readonly #prefixBytes: number;
  #memory: Buffer;
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
  }

  add(from: Buffer, begin: number, end: number): void {
    this.#end += from.copy(this.#memory, this.#end, begin, end);
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#end);
  }
}
