import type { Meaning } from '../delivery/answer.ts';

/** What activities tell of their work, for those who watch many syncs at once. Nothing is decided by it. */
export interface Metrics {
  /** A query was read to its end. @param bytes of the chunks that were staged */
  read(
    sync: string,
    counts: { readonly rows: number; readonly failed: number; readonly bytes: number },
  ): void;
  /** An attempt at a delivery ended, and this came of it. */
  delivered(
    sync: string,
    destination: string,
    counts: { readonly calls: number; readonly failed: number },
  ): void;
  /** A destination was asked once. @param ms how long it took to answer, or to fail */
  asked(destination: string, ms: number, meaning: Meaning['kind']): void;
}
