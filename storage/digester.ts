import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { digestCalls } from './digestCalls.ts';

const THREAD = join(import.meta.dirname, 'digestThread.ts');

/** Asking the thread costs more than the digests of less. */
const THREAD_BYTES_MIN = 256 * 1_024;

/** A chunk whose digests the thread makes. */
export interface DigestRequest {
  readonly memory: SharedArrayBuffer;
  /** How many of its bytes are the chunk. */
  readonly bytes: number;
  readonly rows: number;
  readonly prefix: string;
}

interface Asked {
  readonly resolve: (ids: Int32Array<ArrayBuffer>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Makes the digests of chunks in a thread of its own, while the main thread, for which a run waits, maps the next rows.
 * One for all runs of a process; the thread is started for the first chunk that is worth it.
 */
export class Digester {
  #thread: Worker | null = null;
  readonly #asked: Asked[] = [];

  /**
   * Fills in the digests that are blank in a chunk, which nobody else may look at meanwhile.
   *
   * @param rows how many calls the chunk has.
   * @param prefix of `digestPrefix`
   * @returns the messageIds whose digests were made, as `PlacedIds` has them.
   */
  async fill(chunk: Buffer, rows: number, prefix: string): Promise<Int32Array<ArrayBuffer>> {
    const { buffer: memory, byteOffset, length: bytes } = chunk;
    const isShared = memory instanceof SharedArrayBuffer && byteOffset === 0;
    if (!isShared || bytes < THREAD_BYTES_MIN) return digestCalls(chunk, rows, prefix);
    const thread = (this.#thread ??= this.#start());
    thread.ref();
    return new Promise((resolve, reject) => {
      thread.postMessage({ memory, bytes, rows, prefix } satisfies DigestRequest);
      this.#asked.push({ resolve, reject });
    });
  }

  /** A thread that has nothing to do keeps no process alive. */
  #start(): Worker {
    const thread = new Worker(THREAD);
    thread.on('message', (ids: Int32Array<ArrayBuffer>) => {
      this.#asked.shift()?.resolve(ids);
      if (this.#asked.length === 0) thread.unref();
    });
    let reason: unknown = new Error('the thread that makes digests has ended');
    thread.on('error', (error: unknown) => {
      reason = error;
    });
    thread.on('exit', () => {
      this.#thread = null;
      for (const { reject } of this.#asked.splice(0)) reject(reason);
    });
    return thread;
  }
}
