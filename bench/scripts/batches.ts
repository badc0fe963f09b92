/* Shared by the scripts that stand for limits. */

/** What destinations take in one request. */
export const BATCH_BYTES_MAX = 480_000;
export const BATCH_CALLS_MAX = 2_500;

/** Collects calls, and gives the body of a batch when it is full. */
export class BatchBuilder {
  #calls: string[] = [];
  #bytes = 0;

  /** @returns the body of the batch before, where the call does not fit into it. */
  add(call: string): string | null {
    const isFull = this.#bytes + call.length > BATCH_BYTES_MAX || this.#calls.length >= BATCH_CALLS_MAX;
    const body = isFull ? this.take() : null;
    this.#calls.push(call);
    this.#bytes += call.length + 1;
    return body;
  }

  take(): string {
    const body = `{"batch":[${this.#calls.join(',')}]}`;
    [this.#calls, this.#bytes] = [[], 0];
    return body;
  }
}

export function fromEnv(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this is a script of \`npm run bench\``);
  return value;
}
