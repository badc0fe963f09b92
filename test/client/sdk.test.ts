import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DestinationInput, Page, PageRequest } from '../../client/index.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';

/* Rowcast as an application uses it. */

let engine: Engine;
let id: string;
beforeAll(async () => {
  engine = await startEngine();
  id = engine.database.slice('test_'.length);
});
afterAll(() => engine[Symbol.asyncDispose]());

const QUERY = `SELECT n AS "userId", CASE n WHEN 2 THEN 'soon' END AS timestamp FROM generate_series(1, 3) n`;
const SLOW = 'SELECT n AS "userId", pg_sleep(0.2)::text AS slept FROM generate_series(1, 100000) n';
const KEY = { secret: 'write-key' };
const codeOf = (code: string) => expect.objectContaining({ name: 'RowcastError', code }) as unknown;

/** Every page of a list, by its tokens. */
async function pagesOf<Item>(
  pageOf: (request: PageRequest) => Promise<Page<Item>>,
  limit: number,
): Promise<Item[][]> {
  const pages: Item[][] = [];
  let pageToken: string | null = null;
  do {
    const page: Page<Item> = await pageOf({ limit, ...(pageToken === null ? {} : { pageToken }) });
    pages.push([...page.items]);
    pageToken = page.nextPageToken;
  } while (pageToken !== null);
  return pages;
}

test('a definition is changed only at the revision that its writer saw', async () => {
  const { destinations } = engine.rowcast;
  const definition = { name: `rev-${id}`, kind: 'customerio' as const, writeKey: KEY };
  await expect(destinations.update(definition, { ifRevision: 1 })).rejects.toEqual(
    codeOf('revision_conflict'),
  );
  expect(await destinations.find(definition.name)).toBeNull();
  expect(await destinations.update(definition, { ifRevision: 0 })).toMatchObject({
    change: 'created',
    revision: 1,
  });
  await expect(destinations.update(definition, { ifRevision: 0 })).rejects.toEqual(
    codeOf('revision_conflict'),
  );

  const mine = { ...definition, region: 'eu' as const };
  const theirs = { ...definition, title: 'Theirs' };
  expect(await destinations.update(theirs, { ifRevision: 1 })).toMatchObject({
    change: 'updated',
    revision: 2,
  });
  await expect(destinations.update(mine, { ifRevision: 1 })).rejects.toThrow(
    /is at revision 2, not 1: somebody changed it meanwhile/,
  );
  expect(await destinations.get(definition.name)).toMatchObject({
    revision: 2,
    definition: { title: 'Theirs', region: 'us' },
  });

  const name = await engine.sync({ name: 'rev', query: QUERY });
  const { definition: sync, revision } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.update({ ...sync, title: 'Theirs' }, { ifRevision: revision });
  await expect(
    engine.rowcast.syncs.update({ ...sync, title: 'Mine' }, { ifRevision: revision }),
  ).rejects.toEqual(codeOf('revision_conflict'));
});

test('page tokens walk a long list without a gap and without repeating anything', async () => {
  const { rowcast } = engine;
  const syncs: string[] = [];
  for (let count = 1; count <= 5; count += 1)
    syncs.push(await engine.sync({ name: `page-${count}`, query: QUERY }));
  const pages = await pagesOf((request) => rowcast.syncs.page(request), 2);
  expect(Math.max(...pages.map((page) => page.length))).toBe(2);
  const listed = pages.flat().map(({ name }) => name);
  expect(new Set(listed).size).toBe(listed.length);
  expect(listed).toEqual(expect.arrayContaining(syncs));
  expect((await Array.fromAsync(rowcast.syncs.list())).map(({ name }) => name).sort()).toEqual(listed.sort());

  const [first = ''] = syncs;
  const runs: string[] = [];
  for (let count = 0; count < 5; count += 1) runs.unshift((await engine.run(first)).run);
  const imports = await pagesOf((request) => rowcast.imports.page({ ...request, sync: first }), 2);
  expect(imports.map((page) => page.map(({ run }) => run))).toEqual([
    runs.slice(0, 2),
    runs.slice(2, 4),
    runs.slice(4),
  ]);
  expect((await Array.fromAsync(rowcast.imports.list(first))).map(({ run }) => run)).toEqual(runs);

  // A run that begins between two pages moves nothing on the later ones.
  const { nextPageToken } = await rowcast.imports.page({ sync: first, limit: 2 });
  await engine.run(first);
  const second = await rowcast.imports.page({ sync: first, limit: 2, pageToken: nextPageToken ?? '' });
  expect(second.items.map(({ run }) => run)).toEqual(runs.slice(2, 4));

  for (const limit of [0, -1, 1.5, 1_001, NaN]) {
    await expect(rowcast.imports.page({ limit })).rejects.toEqual(codeOf('definition_invalid'));
    await expect(rowcast.syncs.page({ limit })).rejects.toEqual(codeOf('definition_invalid'));
  }
});

test('integrations and destinations show which secret they name, and nothing of its value', async () => {
  const { integrations, destinations } = engine.rowcast;
  await engine.sync({ name: 'secrets', query: QUERY });
  const shown = {
    integrations: await Array.fromAsync(integrations.list()),
    destination: await destinations.get(`to-${id}`),
  };
  expect(shown.destination.definition.writeKey).toEqual(KEY);
  expect(shown.integrations.map(({ definition }) => definition.source)).toMatchObject([
    { password: { secret: 'source-password' } },
  ]);
  expect(JSON.stringify(shown)).not.toContain(engine.env['ROWCAST_SECRET_WRITE_KEY']);
});

test('a literal secret is refused without being repeated, and nothing is saved', async () => {
  const literal = {
    name: `literal-${id}`,
    kind: 'customerio',
    writeKey: 'hunter2',
  } as never as DestinationInput;
  const refused = await engine.rowcast.destinations.update(literal).catch((error: unknown) => error);
  expect(refused).toEqual(codeOf('definition_invalid'));
  expect(String(refused)).toContain('writeKey: must name a secret of the worker');
  expect(String(refused)).not.toContain('hunter2');
  expect(await engine.rowcast.destinations.find(literal.name)).toBeNull();
});

test('what is asked can be aborted, and answers with the reason', async () => {
  const { rowcast } = engine;
  const reason = new Error('the user went away');
  const gone = AbortSignal.abort(reason);
  await expect(rowcast.syncs.get('people', gone)).rejects.toBe(reason);
  await expect(rowcast.imports.page({ signal: gone })).rejects.toBe(reason);
  await expect(Array.fromAsync(rowcast.syncs.list(gone))).rejects.toBe(reason);
  await expect(
    rowcast.apply({ destinations: [], integrations: [], syncs: [] }, { signal: gone }),
  ).resolves.toEqual([]);

  const name = await engine.sync({ name: 'aborted', query: SLOW });
  const { run } = await rowcast.syncs.run(name);
  for (const waiting of [
    (signal: AbortSignal) => rowcast.imports.wait(run, signal),
    (signal: AbortSignal) => Array.fromAsync(rowcast.imports.watch(run, signal)),
    (signal: AbortSignal) => rowcast.preview(name, { signal }),
  ]) {
    const controller = new AbortController();
    const asked = waiting(controller.signal);
    setTimeout(() => controller.abort(reason), 700);
    await expect(asked).rejects.toBe(reason);
  }
  expect((await rowcast.syncs.get(name)).running?.run).toBe(run);
  await engine.cancel(run);
  await rowcast.imports.wait(run);
});

test('a preview is checked like what is saved', async () => {
  const { rowcast } = engine;
  const name = await engine.sync({ name: 'checked', query: QUERY });
  for (const options of [
    { limit: 0 },
    { limit: 101 },
    { limit: 1.5 },
    { since: -1 },
    { since: 1.5 },
    { since: NaN },
  ])
    await expect(rowcast.preview(name, options)).rejects.toEqual(codeOf('definition_invalid'));
  const { definition: sync } = await rowcast.syncs.get(name);
  const { definition: integration } = await rowcast.integrations.get(`from-${id}`);
  const { definition: destination } = await rowcast.destinations.get(`to-${id}`);
  await expect(
    rowcast.preview({ sync: { ...sync, query: 'SELECT 1; SELECT 2' }, integration, destination }),
  ).rejects.toThrow(/query: holds more than one statement/);
  expect((await rowcast.preview({ sync, integration, destination }, { limit: 1 })).rows).toHaveLength(1);
});

test('whatever the Temporal server answers with is told as a failure that Rowcast names', async () => {
  const asked = engine.rowcast.syncs.page({ pageToken: 'bm9uc2Vuc2U=' });
  const failure: unknown = await asked.catch((error: unknown) => error);
  expect(failure).toEqual(codeOf('temporal_unreachable'));
  expect(String(failure)).toMatch(/answered with an error: .+; try again/);
});
