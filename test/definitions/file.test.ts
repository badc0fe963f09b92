import { describe, expect, test } from 'vitest';
import { parseRowcastFile } from '../../definitions/file.ts';
import type { RowcastFile } from '../../definitions/file.ts';
import { RowcastError } from '../../errors.ts';
import { DESTINATIONS, INTEGRATIONS, json, sync, SYNC, WHOLE } from './badFiles.ts';
import { SNOWFLAKES } from './badSnowflake.ts';
import { SYNCS } from './badSyncs.ts';
import { WEBHOOKS } from './badWebhooks.ts';

/* What a rowcast.yaml may say, and what its writer reads where it says something else. */

const QUERIES: Readonly<Record<string, string>> = { 'people.sql': 'SELECT id AS "userId" FROM people' };

function parse(text: string): Promise<RowcastFile> {
  const readFile = (name: string) => {
    const query = QUERIES[name];
    return query === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(query);
  };
  return parseRowcastFile(text, { path: 'rowcast.yaml', readFile });
}

/** Every line that a file is refused with. */
async function problemsOf(text: string): Promise<string[]> {
  try {
    await parse(text);
  } catch (error) {
    if (!(error instanceof RowcastError) || error.code !== 'definition_invalid') throw error;
    const [first, ...lines] = error.message.split('\n');
    const count = lines.length === 1 ? 'a problem' : `${lines.length} problems`;
    expect(first).toBe(`rowcast.yaml has ${count}:`);
    return lines.map((line) => line.trim());
  }
  return [];
}

describe.each([
  ['the file', WHOLE],
  ['a destination', DESTINATIONS],
  ['an integration', INTEGRATIONS],
  ['a source of Snowflake’s', SNOWFLAKES],
  ['a sync', SYNCS],
  ['a webhook', WEBHOOKS],
])('%s is refused in one sentence', (_section, cases) => {
  test.each(cases)('%s', async (_what, text, line) => {
    expect(await problemsOf(text)).toEqual([line]);
  });
});

test('all problems of a file are listed, not the first alone', async () => {
  const text = `version: 1\ndestinations: { cio: { kind: ftp } }\nsyncs: { people: ${json({ ...SYNC, type: 'alias', every: '1s' })} }`;
  expect(await problemsOf(text)).toHaveLength(3);
  // What two fields say together is looked at, though a third is wrong.
  expect(await problemsOf(sync({ type: 'alias', every: undefined, query: undefined }))).toEqual([
    'syncs.shop.type: must be one of identify, track, page, screen, group (it is "alias")',
    'syncs.shop.query: is missing; it must be an SQL query, or `{ file: people.sql }`',
    'syncs.shop.every: is missing; say how often the sync runs with `every: 15 minutes` or `cron: "0 6 * * *"`',
  ]);
});

test('YAML that cannot be read is named by its place, and nothing of it is quoted', async () => {
  const broken = [
    `version: 1\ndestinations:\n  cio: { writeKey: hunter2 }}`,
    `version: 1\ndestinations:\n  cio: { writeKey: @hunter2 }`,
    `version: 1\ndestinations:\n  cio: { writeKey: *hunter2 }`,
    `version: 1\ndestinations:\n  cio: { writeKey: "hunter2 }`,
    `version: 1\ndestinations:\n  cio: "\\hunter2"`,
    `version: 1\ndestinations:\n  cio:\n   hunter2\n  : hunter2: hunter2`,
  ];
  for (const text of broken) {
    const lines = await problemsOf(text);
    expect(lines, text).toHaveLength(1);
    expect(lines[0]).toMatch(/^is not valid YAML: .*; /);
    expect(lines[0]).not.toContain('hunter2');
  }
});

test('a file without entries is a file', async () => {
  expect(await parse('version: 1')).toEqual({
    ...{ destinations: [], integrations: [], syncs: [], webhooks: [] },
  });
});

test('absent keys take their defaults, and a query may stand in a file beside', async () => {
  const { syncs } = await parse(sync({ query: { file: 'people.sql' }, enabled: false, lookback: undefined }));
  expect(syncs).toMatchObject([
    {
      enabled: false,
      definition: {
        name: 'shop',
        query: QUERIES['people.sql'],
        lookback: '0 seconds',
        nulls: 'send',
        giveUpAfter: '20 hours',
        limits: { columnsMax: 512 },
      },
    },
  ]);
});
