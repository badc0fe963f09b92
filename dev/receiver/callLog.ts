import type { IncomingHttpHeaders } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { isObject } from './validate.ts';

/** A batch as it came. */
export interface ReadBatch {
  /** Bytes of the body. */
  readonly bytes: number;
  readonly messageIds: readonly string[];
  /** What stood beside the calls. */
  readonly shared: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
  /** When it came, in milliseconds of the process's own clock. */
  readonly atMs: number;
}

/** What a receiver has taken, in the order in which it came. */
export class CallLog {
  /** The calls, repetitions of a messageId left out; empty where only ids are stored. */
  readonly calls: Record<string, unknown>[] = [];
  /** What ought never to happen, in words. */
  readonly violations: string[] = [];
  /** The batches that were read, refused ones too, in the order in which they came; none where only ids are stored. */
  readonly batches: ReadBatch[] = [];
  readonly #store: 'calls' | 'ids';
  readonly #ids = new Map<string, number>();
  #received = 0;
  #dropped = 0;

  constructor(store: 'calls' | 'ids') {
    this.#store = store;
  }

  /** Notes a batch that was read, whatever comes of it. */
  read(calls: readonly unknown[], batch: Omit<ReadBatch, 'messageIds'>): void {
    if (this.#store === 'ids') return;
    const messageIds = calls.map((call) => (isObject(call) ? String(call['messageId']) : ''));
    this.batches.push({ ...batch, messageIds });
  }

  /** @param shared what stood beside the batch, which holds for every call of it. */
  take(calls: readonly unknown[], shared: Record<string, unknown>): void {
    for (const call of calls) {
      if (!isObject(call)) continue;
      this.#received += 1;
      for (const key of ['context', 'integrations']) {
        if (!isDeepStrictEqual(call[key], shared[key])) {
          this.violations.push(`${key} of ${String(call['messageId'])} is not that of its batch`);
        }
      }
      this.#note(call);
    }
  }

  /** Notes calls that were answered 200 and not taken, as some APIs do. */
  drop(calls: number): void {
    this.#dropped += calls;
  }

  #note(call: Record<string, unknown>): void {
    const id = String(call['messageId']);
    const known = this.#ids.get(id);
    if (known === undefined) {
      this.#ids.set(id, this.calls.length);
      if (this.#store === 'calls') this.calls.push(call);
    } else if (this.#store === 'calls' && !isDeepStrictEqual(this.calls[known], call)) {
      this.violations.push(`the messageId ${id} came with two contents`);
    }
  }

  stats() {
    return {
      received: this.#received,
      distinct: this.#ids.size,
      dropped: this.#dropped,
      violations: this.violations,
    };
  }
}
