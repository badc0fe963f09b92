import type { SyncInput } from '../../client/index.ts';
import type { Random } from './random.ts';

/** A sync of a round, as it was drawn. */
export interface SyncPlan {
  readonly name: string;
  /** Its table; beside it stands `<table>_history`. */
  readonly table: string;
  /** Rows are only added, or also changed and deleted. */
  readonly rows: 'added' | 'changed';
  readonly type: 'track' | 'page' | 'screen' | 'identify' | 'group';
  readonly persons: number;
  readonly firstRows: number;
  /** Every so many-th row cannot become a call; 0: none. */
  readonly badEvery: number;
  /** Longest note of a row that can, in characters. */
  readonly noteCharsMax: number;
  readonly lookbackSeconds: number;
  readonly nulls: 'send' | 'omit';
  /** Its messageIds come from columns, and its query has a buffer. */
  readonly byColumns: boolean;
  readonly giveUpAfter: string;
  readonly keepCalls: number;
  readonly destination: string;
  readonly enabled: boolean;
}

/** More than a value of these syncs may have. */
export const TOO_LONG = 4_000;
const VALUE_BYTES_MAX = 3_000;
export const BUFFER_SECONDS = 3_000;

const TYPES = {
  added: ['track', 'page', 'screen'],
  changed: ['identify', 'group'],
} as const;

export function drawSync(random: Random, index: number): SyncPlan {
  const rows = random.pick(['added', 'added', 'changed']);
  const byColumns = random.chance(0.15);
  return {
    name: `${rows}-${index}`,
    table: `${rows}_${index}`,
    rows,
    type: random.pick(TYPES[rows]),
    persons: random.pick([1, 5, 40]),
    firstRows: random.pick([0, 10, 300, 1_500, 3_000]),
    badEvery: random.pick([0, 0, 40]),
    noteCharsMax: random.pick([10, 300, 1_500]),
    lookbackSeconds: byColumns ? 0 : random.pick([0, 0, 3]),
    nulls: random.pick(['send', 'omit']),
    byColumns,
    giveUpAfter: random.pick(['20 hours', '20 hours', '20 hours', '4 seconds']),
    keepCalls: random.pick([0, 5, 100]),
    destination: random.pick(['http', 'cio']),
    enabled: random.chance(0.8),
  };
}

/** What is applied of a sync. @param edition changes the text of its query and its title, and nothing that it finds. */
export function definitionOf(plan: SyncPlan, edition: number): SyncInput {
  return {
    name: plan.name,
    title: `Edition ${edition}`,
    integration: `from-${plan.destination}`,
    type: plan.type,
    every: edition % 2 === 0 ? '1 hour' : '2 hours',
    query: queryOf(plan, edition),
    lookback: `${plan.lookbackSeconds} seconds`,
    nulls: plan.nulls,
    giveUpAfter: plan.giveUpAfter,
    keepCalls: plan.keepCalls,
    limits: { valueBytesMax: VALUE_BYTES_MAX },
    ...(plan.byColumns ? { messageIdFrom: ['k', 'version'] } : {}),
  };
}

function queryOf({ name, table, type, byColumns }: SyncPlan, edition: number): string {
  const event = type === 'identify' || type === 'group' ? '' : `, 'Chaos' AS event`;
  const group = type === 'group' ? `, 'of ' || person AS "groupId"` : '';
  const since = byColumns ? 'at AS timestamp' : '{{last_sync_time}} AS since';
  return `SELECT person AS "userId"${event}${group}, '${name}' AS sync, k, version, ${since}, note, amount, flag /* edition ${edition} */
FROM ${table}
WHERE extract(epoch FROM at) > {{last_sync_time}}${byColumns ? ` - ${BUFFER_SECONDS}` : ''}
ORDER BY at, k`;
}

/** A row as it once was, which becomes a call. */
export interface RowValues {
  readonly k: number;
  readonly version: number;
  readonly person: string | null;
  /** Whole Unix seconds. */
  readonly at: number;
  readonly note: string | null;
  readonly amount: number;
  readonly flag: boolean;
}

/** Whether a row cannot become a call. */
export const isBad = ({ person, note }: RowValues) =>
  person === null || (note?.length ?? 0) > VALUE_BYTES_MAX;

/** The call that a row ought to become in a window, without its messageId: written without Rowcast's mapping. */
export function expectedCall(plan: SyncPlan, row: RowValues, since: number): Record<string, unknown> {
  const { type, nulls, byColumns } = plan;
  const { k, version, person, at, note, amount, flag } = row;
  const fields = {
    sync: plan.name,
    k,
    version,
    ...(byColumns ? {} : { since }),
    ...(note === null && nulls === 'omit' ? {} : { note }),
    amount,
    flag,
  };
  const timestamp = byColumns ? { timestamp: new Date(at * 1_000).toISOString().replace('.000', '') } : {};
  const head = { type, userId: person, ...timestamp };
  switch (type) {
    case 'identify':
      return { ...head, traits: fields };
    case 'group':
      return { ...head, groupId: `of ${person ?? ''}`, traits: fields };
    case 'track':
      return { ...head, event: 'Chaos', properties: fields };
    case 'page':
    case 'screen':
      return { ...head, event: 'Chaos', name: 'Chaos', properties: fields };
  }
}
