import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { SearchAttributeUpdatePair } from '@temporalio/common';
import {
  CancellationScope,
  patched,
  proxyLocalActivities,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ControlActivities } from '../activities/types.ts';
import type { SearchAttributeName } from './contract.ts';

const { searchAttributes } = proxyLocalActivities<Pick<ControlActivities, 'searchAttributes'>>({
  startToCloseTimeout: '3 seconds',
  retry: { maximumAttempts: 1 },
});

const { KEYWORD, INT } = SearchAttributeType;
const KEYS = {
  RowcastSync: defineSearchAttributeKey('RowcastSync', KEYWORD),
  RowcastIntegration: defineSearchAttributeKey('RowcastIntegration', KEYWORD),
  RowcastDestination: defineSearchAttributeKey('RowcastDestination', KEYWORD),
  RowcastType: defineSearchAttributeKey('RowcastType', KEYWORD),
  RowcastOutcome: defineSearchAttributeKey('RowcastOutcome', KEYWORD),
  RowcastRowsDelivered: defineSearchAttributeKey('RowcastRowsDelivered', INT),
  RowcastRowsFailed: defineSearchAttributeKey('RowcastRowsFailed', INT),
} satisfies Record<SearchAttributeName, unknown>;

/** What a workflow is to be found by. */
export type SearchValues = Partial<Record<SearchAttributeName, string | number | null>>;

/**
 * Gives the workflow search attributes, in so far as the namespace has them now; answers whether it had all.
 *
 * Temporal refuses a workflow task that names one which is not there, and tries it again for ever. So the question is
 * a local activity: its answer and what follows from it are of one task, and one that is refused, since an attribute
 * was removed in between, asks anew when it is tried again.
 *
 * What began with older code goes without for what is in its history, and has them from then on.
 */
export async function noteSearchAttributes(values: SearchValues): Promise<boolean> {
  if (!patched('search-attributes')) return false;
  const known: readonly SearchAttributeName[] = await CancellationScope.nonCancellable(() =>
    searchAttributes(),
  ).catch(() => [] as const);
  const wanted = Object.entries(values) as [SearchAttributeName, string | number | null][];
  const pairs = wanted
    .filter(([name, value]) => known.includes(name) && value !== null)
    .map(([name, value]) => ({ key: KEYS[name], value }) as SearchAttributeUpdatePair);
  if (pairs.length > 0) upsertSearchAttributes(pairs);
  return wanted.every(([name]) => known.includes(name));
}
