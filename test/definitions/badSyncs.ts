import { MAPPING, NAME, sync } from './badFiles.ts';
import type { Case } from './badFiles.ts';

/* Syncs with one thing wrong in each, and what their writer reads. */

const START = 'must be a date and time with a zone, such as "2027-01-31T06:00:00Z"';

export const SYNCS: readonly Case[] = [
  ['no integration', sync({ integration: undefined }), `syncs.shop.integration: is missing; it ${NAME}`],
  [
    'no type',
    sync({ type: undefined }),
    'syncs.shop.type: is missing; it must be one of identify, track, page, screen, group',
  ],
  [
    'an unknown type',
    sync({ type: 'alias' }),
    'syncs.shop.type: must be one of identify, track, page, screen, group (it is "alias")',
  ],
  [
    'a misspelt flag',
    sync({ enable: false }),
    'syncs.shop.enable: is not a known field; did you mean "enabled"?',
  ],
  ['a flag in words', sync({ enabled: 'no' }), 'syncs.shop.enabled: must be true or false (it is "no")'],
  ['a title that is null', sync({ title: null }), 'syncs.shop.title: must be text (it is null)'],
  [
    'a description that is a list',
    sync({ description: [] }),
    'syncs.shop.description: must be text (it is a list)',
  ],
  [
    'no frequency',
    sync({ every: undefined }),
    'syncs.shop.every: is missing; say how often the sync runs with `every: 15 minutes` or `cron: "0 6 * * *"`',
  ],
  [
    'two frequencies',
    sync({ cron: '0 6 * * *' }),
    'syncs.shop.every: and `cron` are both given; keep one of them (it is "15 minutes")',
  ],
  [
    'a frequency that is a number',
    sync({ every: 15 }),
    'syncs.shop.every: must be a duration in words, such as "15 minutes" (it is 15)',
  ],
  [
    'a frequency below a minute',
    sync({ every: '59s' }),
    'syncs.shop.every: "59s" is too short; give at least 60 seconds, such as "15 minutes"',
  ],
  [
    'a cron that is a number',
    sync({ every: undefined, cron: 5 }),
    'syncs.shop.cron: must be a cron expression in quotes, such as "0 6 * * *" (it is 5)',
  ],
  [
    'a cron that never fires',
    sync({ every: undefined, cron: '0 0 30 2 *' }),
    'syncs.shop.cron: "0 0 30 2 *" never fires; correct its day or its month',
  ],
  [
    'a time zone without a cron',
    sync({ timezone: 'UTC' }),
    'syncs.shop.timezone: only goes with `cron`; remove it (it is "UTC")',
  ],
  [
    'a start without a zone',
    sync({ startAt: '2027-01-31' }),
    `syncs.shop.startAt: ${START} (it is "2027-01-31")`,
  ],
  ['a start that is null', sync({ startAt: null }), `syncs.shop.startAt: ${START} (it is null)`],
  [
    'no query',
    sync({ query: undefined }),
    'syncs.shop.query: is missing; it must be an SQL query, or `{ file: people.sql }`',
  ],
  [
    'a query that is null',
    sync({ query: null }),
    'syncs.shop.query: must be an SQL query, or `{ file: people.sql }` (it is null)',
  ],
  [
    'a query of other fields',
    sync({ query: { path: 'people.sql' } }),
    'syncs.shop.query: must be an SQL query, or `{ file: people.sql }` (it is a mapping)',
  ],
  [
    'a query file that is not there',
    sync({ query: { file: 'gone.sql' } }),
    'syncs.shop.query.file: "gone.sql" cannot be read; it is looked for beside rowcast.yaml',
  ],
  [
    'two statements',
    sync({ query: 'SELECT 1; SELECT 2' }),
    'syncs.shop.query: holds more than one statement (the second begins in line 1); keep one, and remove the rest (it is "SELECT 1; SELECT 2")',
  ],
  [
    'a lookback that is no duration',
    sync({ lookback: 'soon' }),
    'syncs.shop.lookback: "soon" is not a duration; write one such as "5 minutes"',
  ],
  [
    'another way with nulls',
    sync({ nulls: null }),
    'syncs.shop.nulls: must be "send" or "omit" (it is null)',
  ],
  [
    'one column instead of a list',
    sync({ messageIdFrom: 'order_id' }),
    'syncs.shop.messageIdFrom: must be a list of columns, such as [order_id] (it is "order_id")',
  ],
  [
    'a list of no column',
    sync({ messageIdFrom: [] }),
    'syncs.shop.messageIdFrom: names no column; leave it out instead (it is a list)',
  ],
  [
    'a column that is a number',
    sync({ messageIdFrom: [5] }),
    'syncs.shop.messageIdFrom.0: must name a column (it is 5)',
  ],
  ['limits that are null', sync({ limits: null }), `syncs.shop.limits: ${MAPPING} (it is null)`],
  [
    'a misspelt limit',
    sync({ limits: { columsMax: 5 } }),
    'syncs.shop.limits.columsMax: is not a known field; did you mean "columnsMax"?',
  ],
  [
    'a limit of nothing',
    sync({ limits: { rowsMax: 0 } }),
    'syncs.shop.limits.rowsMax: must be at least 1 (it is 0)',
  ],
  [
    'patience below a second',
    sync({ giveUpAfter: '0s' }),
    'syncs.shop.giveUpAfter: "0s" is too short; give at least 1 seconds, such as "20 hours"',
  ],
  [
    'half a row',
    sync({ maxFailedRows: 1.5 }),
    'syncs.shop.maxFailedRows: must be a whole number (it is 1.5)',
  ],
  [
    'errors that are kept for no one knows how long',
    sync({ keep: { errors: 'a while' } }),
    'syncs.shop.keep.errors: must be a duration in words, such as "14 days", or 0 for none (it is "a while")',
  ],
  [
    'something to be kept that nothing is',
    sync({ keep: { rows: '1 day' } }),
    'syncs.shop.keep.rows: is not a known field; correct its spelling, or remove it',
  ],
  [
    'a share of failed rows that is no percentage',
    sync({ alerts: { failedAbove: 5 } }),
    'syncs.shop.alerts.failedAbove: must be a percentage of 0% to 100%, such as "5%" (it is 5)',
  ],
  [
    'a share of more than all rows',
    sync({ alerts: { failedAbove: '101%' } }),
    'syncs.shop.alerts.failedAbove: must be a percentage of 0% to 100%, such as "5%" (it is "101%")',
  ],
  [
    'an alert that nobody gives',
    sync({ alerts: { lateafter: '1 hour' } }),
    'syncs.shop.alerts.lateafter: is not a known field; did you mean "lateAfter"?',
  ],
  [
    'late at no known time',
    sync({ alerts: { lateAfter: 'soon' } }),
    'syncs.shop.alerts.lateAfter: "soon" is not a duration; write one such as "30 minutes"',
  ],
  [
    'too many calls to keep',
    sync({ keepCalls: 1001 }),
    'syncs.shop.keepCalls: must be at most 1000 (it is 1001)',
  ],
];
