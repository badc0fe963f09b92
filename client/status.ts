import type { ClientContext } from './context.ts';
import { asItIs, importsOf } from './importRecords.ts';
import type { SyncListing } from './syncs.ts';
import { warningsOf } from './warnings.ts';

/** A sync at a glance. */
export interface SyncStatus extends SyncListing {
  /** How old, in whole seconds, the state of the source is that has been delivered; null before the first success. */
  readonly behindSeconds: number | null;
  /** What somebody should know: intervals skipped, runs that fail, rows that fail, nothing delivered. */
  readonly warnings: readonly string[];
}

/** A sync at a glance, from its newest imports. */
export async function statusOf(
  context: ClientContext,
  listing: SyncListing,
  signal?: AbortSignal,
): Promise<SyncStatus> {
  const imports = listing.lost ? [] : ((await importsOf(context, listing.name, signal)) ?? []);
  const current = await Promise.all(imports.map((record) => asItIs(context, record, signal)));
  const nowMs = Date.now();
  const { lastSyncTime } = listing;
  return {
    ...listing,
    behindSeconds:
      lastSyncTime === null || lastSyncTime === 0
        ? null
        : Math.max(0, Math.floor(nowMs / 1_000) - lastSyncTime),
    warnings: warningsOf(listing, current, nowMs),
  };
}
