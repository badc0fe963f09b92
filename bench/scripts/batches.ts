/* Shared by the scripts that stand for limits. */

/** What destinations take in one request, with its frame; the same limits as Rowcast's. */
const BATCH_BYTES_MAX = 500_000;
const BATCH_CALLS_MAX = 2_500;

const [OPENING, CLOSING] = ['{"batch":[', ']}'];
/** Of a batch without a call: one call has no comma before it. */
const FRAME_BYTES = OPENING.length + CLOSING.length - 1;

/** Collects calls in ASCII, and gives the body of a batch when it is full. */
export class BatchBuilder {
  #calls: string[] = [];
  #bytes = FRAME_BYTES;

  /** @returns the body of the batch before, where the call does not fit into it. */
  add(call: string): string | null {
    const isFull = this.#bytes + call.length + 1 > BATCH_BYTES_MAX || this.#calls.length >= BATCH_CALLS_MAX;
    const body = isFull ? this.take() : null;
    this.#calls.push(call);
    this.#bytes += call.length + 1;
    return body;
  }

  take(): string {
    const body = `${OPENING}${this.#calls.join(',')}${CLOSING}`;
    [this.#calls, this.#bytes] = [[], FRAME_BYTES];
    return body;
  }
}

export function fromEnv(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this is a script of \`npm run bench\``);
  return value;
}
