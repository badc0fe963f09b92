import { appendFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { explain } from './localFailures.ts';
import type { Place } from './localFailures.ts';
import type { Scratch } from './storage.ts';

/** Temporary files older than this are left over from a process that died. */
export const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** Temporary files in a folder of their own, which goes with them. */
export class LocalScratch implements Scratch {
  readonly #path: string;
  readonly #place: Place;

  /** @param place where that folder is, for failures. */
  constructor(path: string, place: Place) {
    this.#path = path;
    this.#place = place;
  }

  async append(file: string, bytes: Uint8Array): Promise<void> {
    try {
      await appendFile(join(this.#path, file), bytes, { mode: 0o600 });
    } catch (error) {
      throw explain(error, this.#place);
    }
  }

  async *read(file: string, memory: Buffer): AsyncGenerator<Buffer> {
    try {
      await using opened = await open(join(this.#path, file), 'r');
      for (;;) {
        // A regular file answers fewer bytes only at its end.
        const { bytesRead } = await opened.read(memory, 0, memory.length);
        if (bytesRead === 0) return;
        yield memory.subarray(0, bytesRead);
      }
    } catch (error) {
      throw explain(error, this.#place);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await rm(this.#path, { recursive: true, force: true });
    } catch (error) {
      throw explain(error, this.#place);
    }
  }
}
