import { Socket } from 'node:net';

/** What a socket says once bytes have come into its inbox. */
export const CAME = 'came';

/** Bytes that come one after another into the same memory; it grows for more, and what is much larger is not kept. */
export class Inbox {
  readonly #usualBytes: number;
  #memory: Buffer;
  #length = 0;

  /** @param usualBytes room for so many without growing. */
  constructor(usualBytes: number) {
    this.#usualBytes = usualBytes;
    this.#memory = Buffer.allocUnsafeSlow(usualBytes);
  }

  /** Bytes of what came and is not forgotten. */
  get length(): number {
    return this.#length;
  }

  /** All that came and is not forgotten; what is forgotten or comes later may write over it. */
  get content(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** Where more may be written, for `came` to be told; never empty. */
  get room(): Buffer {
    if (this.#length === this.#memory.length) this.#grow(1);
    return this.#memory.subarray(this.#length);
  }

  /** Says that so many bytes were written to `room`. */
  came(bytes: number): void {
    this.#length += bytes;
  }

  /** Takes bytes that came elsewhere. */
  add(bytes: Buffer): void {
    if (this.#memory.length - this.#length < bytes.length) this.#grow(bytes.length);
    this.#length += bytes.copy(this.#memory, this.#length);
  }

  /** Lets go of the first bytes. */
  forget(bytes: number): void {
    const before = this.#memory;
    const left = this.#length - bytes;
    if (before.length > 2 * this.#usualBytes && left <= this.#usualBytes) {
      this.#memory = Buffer.allocUnsafeSlow(this.#usualBytes);
    }
    if (left > 0) before.copy(this.#memory, 0, bytes, this.#length);
    this.#length = left;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#memory.length * 2, this.#length + bytes));
    this.#memory.copy(larger, 0, 0, this.#length);
    this.#memory = larger;
  }
}

/**
 * A socket whose bytes come into an inbox, which it says as `came`; it has no event `data`. Node makes 64 KB of garbage
 * outside of its heap of each read otherwise.
 */
export function socketInto(inbox: Inbox): Socket {
  const socket: Socket = new Socket({
    onread: {
      buffer: () => inbox.room,
      callback: (bytes) => {
        inbox.came(bytes);
        return socket.emit(CAME);
      },
    },
  });
  return socket;
}
