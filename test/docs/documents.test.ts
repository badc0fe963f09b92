import { globSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../until.ts';
import { openShop } from './shop.ts';
import type { Shop } from './shop.ts';
import { formOf, isShown, ROOT, show, shownIn } from './shown.ts';

/*
 * The commands that the documents show are run against the demo's shop, in the order of the documents, and print what
 * is shown. Where they no longer do, `ROWCAST_WRITE_DOCS=1 npm test test/docs` writes what they print into the documents.
 */

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.write();
  await shop.print('rowcast apply -f rowcast.yaml');
});
afterAll(() => shop[Symbol.asyncDispose]());

/** What has happened before a command is given, by the command. */
type Scenes = Readonly<Record<string, () => Promise<unknown>>>;

const run = async (sync: string) => shop.rowcast.imports.wait((await shop.rowcast.syncs.run(sync)).run);

const RUN = 'rowcast-run-orders-2026-11-25T20:25:41Z';

/** Commands whose output other tests look at, since they need another world than the shop. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^export |^rowcast worker$|ROWCAST_STORAGE=s3|^AWS_/, 'test/storage/s3, test/run/s3'],
  [/^npx rowcast seal /, 'test/cli/seal'],
  [/^curl /, 'test/run/observed'],
  [/^rowcast sync run every-step /, 'test/client/progress'],
  [/^rowcast import calls /, 'test/client/preview'],
  [/^temporal workflow result --workflow-id rowcast-sweep/, 'test/run/sweep'],
  // After the loss of Temporal's database.
  [/^rowcast (sync list|apply -f rowcast.yaml) \(2\)$/, 'test/run/temporalLost'],
];

async function follow(path: string, scenes: Scenes): Promise<void> {
  const seen: Record<string, number> = {};
  for (const shown of shownIn(path)) {
    const { command } = shown;
    const nth = (seen[command] ?? 0) + 1;
    seen[command] = nth;
    const place = nth === 1 ? command : `${command} (${nth})`;
    if (ELSEWHERE.some(([pattern]) => pattern.test(place))) continue;
    await scenes[place]?.();
    const printed = await shop.print(command);
    if (isShown(printed, shown)) continue;
    if (process.env['ROWCAST_WRITE_DOCS'] === '1') show(path, shown, nth, printed);
    else expect(formOf(printed), `${path}: ${command}`).toBe(formOf(shown.output));
  }
}

test('what the README shows', () => follow('README.md', {}));

test('what an operator sees on a bad morning', async () => {
  await follow('docs/bad-morning.md', {
    'rowcast sync run people --wait': () =>
      shop.misbehave({
        kind: 'answer',
        status: 401,
        body: { success: false, reason: 'the write key is wrong' },
      }),
    'rowcast sync run people --wait (2)': () => shop.misbehave(),
    'rowcast sync run companies --watch': async () => {
      await shop.misbehave({ kind: 'answer', status: 503, body: 'maintenance' });
      setTimeout(() => void shop.misbehave(), 12_000);
    },
    'rowcast sync run page-views --wait': async () => {
      await shop.sql.query('ALTER TABLE page_views RENAME COLUMN seconds TO duration');
      for (let failed = 0; failed < 2; failed += 1) await run('page-views');
    },
    'rowcast sync run page-views --wait (2)': async () => {
      await shop.sql.query('ALTER TABLE page_views RENAME COLUMN duration TO seconds');
    },
    'rowcast sync run orders --wait': async () => {
      await shop.sql.query(`
        UPDATE orders SET note = repeat('x', 200000) WHERE id IN (7, 8);
        DELETE FROM orders WHERE id > 1000`);
      await shop.misbehave({
        kind: 'dislike',
        users: ['18', '19', '20'],
        words: 'this person is suppressed',
      });
    },
    [`rowcast import retry ${RUN} --code refused_by_destination --wait`]: () => shop.misbehave(),
  });
}, 300_000);

test('what an operator does to a sync, and what others do to it', async () => {
  const { rowcast } = shop;
  const schedule = 'temporal schedule describe --schedule-id rowcast-sync-orders';
  const update =
    'temporal schedule update --schedule-id rowcast-sync-orders --interval 30m --type syncRun --task-queue rowcast --workflow-id x';
  const sweeps = `temporal workflow list --query "WorkflowType = 'sweep'" --limit 1`;
  await follow('docs/operating.md', {
    'rowcast sync disable people --now': async () => {
      await rowcast.syncs.reset('people', { to: 0 });
      await shop.misbehave({ kind: 'slow', ms: 5_000 }); // The command takes its time to start.
      const { run: id } = await rowcast.syncs.run('people');
      for await (const { delivered } of rowcast.imports.watch(id)) if ((delivered ?? 0) > 0) break;
    },
    'rowcast sync reset people --to 2026-11-25T06:00:00Z': async () => {
      await shop.misbehave();
      await run('people');
    },
    'rowcast apply -f rowcast.yaml': () =>
      shop.write((yaml) => yaml.replace('user: rowcast', 'user: nobody')),
    [update]: () => shop.write(),
    [`${schedule} (2)`]: () =>
      until(async () => (await shop.print(schedule)).includes('"rowcast-run-orders"')),
    'rowcast sync list': () => until(async () => (await rowcast.syncs.get('orders')).running === null),
    [sweeps]: () => until(async () => (await shop.print(sweeps)).includes('Completed')),
    'rowcast status': async () => {
      await shop.print('rowcast apply -f rowcast.yaml');
      const { definition } = await rowcast.syncs.get('people');
      const query = 'SELECT 1 / 0 AS "userId", {{last_sync_time}} AS since';
      await rowcast.syncs.update({ ...definition, name: 'broken', query }, { enabled: false });
      for (const sync of ['broken', 'broken', 'broken', 'screen-views']) await run(sync);
    },
  });
}, 300_000);

test('each document that shows commands is followed by a test', () => {
  const followed: Readonly<Record<string, string>> = {
    'README.md': 'here',
    'docs/bad-morning.md': 'here',
    'docs/operating.md': 'here',
    'docs/tunnels.md': 'test/run/tunnelSaving',
    'docs/webhooks.md': 'test/run/alerts',
  };
  const documents = globSync('{README.md,docs/*.md}', { cwd: ROOT });
  const showing = documents.filter((path) => shownIn(path).length > 0).sort();
  expect(showing).toEqual(Object.keys(followed));
});
