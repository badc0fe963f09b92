import { z } from 'zod';
import { CALL_TYPES } from '../mapping/mapper.ts';
import { Alerts } from './alerts.ts';
import { Cron } from './cron.ts';
import { Duration } from './duration.ts';
import { Keep } from './keep.ts';
import { Name, Title } from './name.ts';
import { checkQuery, QUERY_CHARS_MAX } from './query.ts';
import { TimeZone } from './timeZone.ts';

/** The shortest time between two runs of a sync, in milliseconds. */
export const EVERY_MIN_MS = 60_000;

const atLeastOne = z.int('must be a whole number').min(1, 'must be at least 1');

/** The limits of a sync's query and result; the defaults are the product's. */
export const SyncLimits = z.strictObject({
  queryCharsMax: atLeastOne.default(QUERY_CHARS_MAX),
  columnsWarn: atLeastOne.default(300),
  columnsMax: atLeastOne.default(512),
  columnNameCharsMax: atLeastOne.default(128),
  keyColumnNameCharsMax: atLeastOne.default(191),
  rowsWarn: atLeastOne.default(30_000_000),
  rowsMax: atLeastOne.default(40_000_000),
  valueBytesMax: atLeastOne.default(128 * 1024),
  recordBytesMax: atLeastOne.default(512 * 1024),
});
export type SyncLimits = z.output<typeof SyncLimits>;

/** One query of an integration, the type of call its rows become, and how often it runs. */
export const SyncDefinition = z
  .strictObject({
    name: Name,
    title: Title.optional(),
    description: z.string().max(2_000, 'is longer than 2000 characters').optional(),
    integration: Name,
    type: z.enum(CALL_TYPES, { error: `must be one of ${CALL_TYPES.join(', ')}` }),
    /** How often it runs, in the user's words; counted from `startAt` or from creation. */
    every: Duration('15 minutes', EVERY_MIN_MS).optional(),
    /** Five fields; in `timezone`. */
    cron: Cron.optional(),
    timezone: TimeZone.optional(),
    /** The first run starts then; without it, at once. ISO 8601 with a zone. */
    startAt: z.iso
      .datetime({
        offset: true,
        error: 'must be a date and time with a zone, such as "2027-01-31T06:00:00Z"',
      })
      .optional(),
    query: z.string({ error: 'must be an SQL query, or `{ file: people.sql }`' }),
    /** Taken off `{{last_sync_time}}`, for transactions that commit late. */
    lookback: Duration('5 minutes').default('0 seconds'),
    nulls: z.enum(['send', 'omit'], { error: 'must be "send" or "omit"' }).default('send'),
    messageIdFrom: z
      .array(
        z.string('must name a column').min(1, 'must name a column'),
        'must be a list of columns, such as [order_id]',
      )
      .min(1, 'names no column; leave it out instead')
      .optional(),
    limits: SyncLimits.prefault({}),
    /** How long a run may wait for its destination before it fails and its window repeats. */
    giveUpAfter: Duration('20 hours', 1_000).default('20 hours'),
    /** A run with more failed rows than this stops as failed. */
    maxFailedRows: atLeastOne.default(100_000),
    /** How many delivered calls a run keeps beside their rows; 0: none. */
    keepCalls: z
      .int('must be a whole number')
      .min(0, 'must not be negative')
      .max(1_000, 'must be at most 1000')
      .default(100),
    /** For how long what stays of its runs is kept. */
    keep: Keep.optional(),
    /** From when on webhooks are told of it. */
    alerts: Alerts.optional(),
  })
  // Looked at even where another field is wrong, so that all problems are told at once.
  .superRefine(checkTiming, { when: ({ value }) => typeof value === 'object' && value !== null })
  .superRefine(({ query, limits }, context) => {
    const problem = checkQuery(query, limits.queryCharsMax);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['query'], message: problem });
  });
export type SyncDefinition = z.output<typeof SyncDefinition>;

/** A sync as its author writes it: what has a default may be left out. */
export type SyncInput = z.input<typeof SyncDefinition>;

function checkTiming(
  { every, cron, timezone }: { every?: unknown; cron?: unknown; timezone?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if ((every === undefined) === (cron === undefined)) {
    context.addIssue({
      code: 'custom',
      path: ['every'],
      message:
        every === undefined
          ? 'say how often the sync runs with `every: 15 minutes` or `cron: "0 6 * * *"`'
          : 'and `cron` are both given; keep one of them',
    });
  }
  if (timezone !== undefined && cron === undefined) {
    context.addIssue({ code: 'custom', path: ['timezone'], message: 'only goes with `cron`; remove it' });
  }
}
