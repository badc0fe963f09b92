import type pg from 'pg';
import { EXPECTATIONS } from './expectations.ts';

/** What a comparison found: differences in words; none where everything is exactly right. */
export interface Comparison {
  readonly calls: number;
  readonly differences: readonly string[];
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const SHOWN_MAX = 5;

/**
 * Compares calls one by one with those that PostgreSQL expects of a window: the same ones, each as often, all
 * under ids of their own.
 *
 * The comparison is PostgreSQL's as well: `jsonb` knows equal numbers and equal objects, and rounds neither.
 */
export async function compare(
  sql: pg.Client,
  sync: string,
  { since, calls }: { since: number; calls: readonly Record<string, unknown>[] },
): Promise<Comparison> {
  const badIds = calls.filter(({ messageId }) => !ULID.test(String(messageId)));
  const distinct = new Set(calls.map(({ messageId }) => messageId)).size;
  const { rows } = await sql.query<{ what: string; call: string }>(
    `WITH expected AS (${EXPECTATIONS[sync] ?? ''}),
      received AS (SELECT value - 'messageId' AS call FROM jsonb_array_elements($2::text::jsonb))
    (SELECT 'missing' AS what, call::text FROM (SELECT call FROM expected EXCEPT ALL SELECT call FROM received) AS missing LIMIT ${SHOWN_MAX})
    UNION ALL
    (SELECT 'not expected' AS what, call::text FROM (SELECT call FROM received EXCEPT ALL SELECT call FROM expected) AS extra LIMIT ${SHOWN_MAX})`,
    [since, JSON.stringify(calls)],
  );
  return {
    calls: calls.length,
    differences: [
      ...badIds.slice(0, SHOWN_MAX).map(({ messageId }) => `${String(messageId)} is not a ULID`),
      ...(distinct === calls.length ? [] : [`${calls.length} calls have only ${distinct} ids`]),
      ...rows.map(({ what, call }) => `${what}: ${call}`),
    ],
  };
}
