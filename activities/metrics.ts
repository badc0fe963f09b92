import type { Asked } from '../delivery/sender.ts';

/** What activities tell of their work, for those who watch many syncs at once. Nothing is decided by it. */
export interface Metrics {
  /** A query was read to its end. @param bytes of the chunks that were staged */
  read(
    of: { readonly sync: string; readonly integration: string },
    counts: { readonly rows: number; readonly failed: number; readonly bytes: number },
  ): void;
  /** An attempt at a delivery ended, and this came of it. */
  delivered(
    of: { readonly sync: string; readonly integration: string; readonly destination: string },
    counts: { readonly calls: number; readonly failed: number },
  ): void;
  /** A destination was asked once. */
  asked(destination: string, asked: Asked): void;
}
