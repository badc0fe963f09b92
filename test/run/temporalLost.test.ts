import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../dev/port.ts';
import { findTemporal, startTemporal } from '../../dev/temporal.ts';
import type { TemporalServer } from '../../dev/temporal.ts';
import { runRowcast } from '../cli/command.ts';
import { namesOf, writeFile } from '../client/file.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* The Temporal server is killed while runs are under way, with its database and without. */

const found = await findTemporal();
const ROWS = 4_000;
const QUERY = `SELECT id AS "userId", repeat('x', 1000) AS note FROM people
  WHERE floor(extract(epoch FROM updated)) > {{last_sync_time}}`;

let folder: string;
let server: TemporalServer;
let engine: Engine;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rowcast-temporal-'));
  server = await start(await freePort());
  engine = await startEngine({ env: { TEMPORAL_ADDRESS: server.address } });
  await engine.sql.query(`
    CREATE TABLE people AS SELECT n AS id, now() - interval '1 hour' AS updated FROM generate_series(1, ${ROWS}) n`);
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await server.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start(port: number): Promise<TemporalServer> {
  if (found.kind === 'cluster') throw new Error('a cluster is not killed');
  const [databaseFile, logFile] = [join(folder, 'temporal.db'), join(folder, 'temporal.log')];
  return startTemporal({ path: found.path, databaseFile, logFile, port, ui: false });
}

/** Kills the server, and starts it again on the same port some seconds later. */
async function restart({ empty }: { empty: boolean }): Promise<void> {
  const { address } = server;
  await server.stop('SIGKILL');
  if (empty) rmSync(join(folder, 'temporal.db'));
  await sleep(3_000);
  server = await start(Number(address.split(':').at(-1)));
  expect(server.address).toBe(address);
}

/** Starts a run, and waits until some of its calls have gone and others have not. */
async function runHalfway(name: string): Promise<string> {
  const before = engine.receiver.log.calls.length;
  engine.receiver.misbehave({ kind: 'slow', ms: 2_000 });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(() => engine.receiver.log.calls.length > before);
  return run;
}

test.skipIf(found.kind === 'cluster')(
  'the Temporal server is killed in mid-run: once it is back, the run goes on and sends every row once (skipped on a cluster)',
  { timeout: 240_000 },
  async () => {
    const name = await engine.sync({ query: QUERY });
    const run = await runHalfway(name);
    await restart({ empty: false });
    engine.receiver.misbehave();
    const ended = await engine.rowcast.imports.wait(run);
    expect(ended).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, failed: 0, since: 0 });
    expect(engine.receiver.log.stats()).toMatchObject({ distinct: ROWS, violations: [] });
    expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: ended.until, rows: 0 });
  },
);

test.skipIf(found.kind === 'cluster')(
  "Temporal's database is lost in mid-run: the next apply takes every sync over from storage, and no row counts twice (skipped on a cluster)",
  { timeout: 240_000 },
  async () => {
    const names = namesOf(engine, 'kept');
    const file = writeFile(engine, names, { query: QUERY, enabled: false });
    const apply = () => runRowcast(engine.env, 'apply', '-f', file);
    expect(await apply()).toMatchObject({ code: 0 });
    const first = await engine.run(names.sync);
    expect(first).toMatchObject({ outcome: 'succeeded', delivered: ROWS });
    await engine.sql.query('UPDATE people SET updated = clock_timestamp() WHERE id <= 3000');
    await sleep(1_100);
    const lost = await runHalfway(names.sync);

    await restart({ empty: true });
    engine.receiver.misbehave();
    const { stdout: list } = await runRowcast(engine.env, 'sync', 'list');
    expect(list).toContain('There is no sync yet');
    writeFile(engine, names, { query: QUERY }); // Enabled: a new sync would run at once.
    const { stdout, code } = await apply();
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `The sync ${names.sync} was taken over from copy \\d+ in storage, with last_sync_time ${first.until}`,
      ),
    );
    expect(stdout).not.toContain('created\n');
    const listing = await engine.rowcast.syncs.listing(names.sync);
    expect(listing).toMatchObject({ enabled: true, lastSyncTime: first.until });
    expect(Date.parse(listing.nextRunAt ?? '')).toBeGreaterThan(Date.now());
    const { info } = await engine.temporal.schedule.getHandle(`rowcast-sync-${names.sync}`).describe();
    expect(info.numActionsTaken).toBe(0);

    const next = await engine.run(names.sync);
    expect(next).toMatchObject({ outcome: 'succeeded', since: first.until, rows: 3_000, delivered: 3_000 });
    expect(await engine.rowcast.imports.get(lost)).toMatchObject({
      outcome: 'failed',
      errorCode: 'run_lost',
    });
    expect(engine.receiver.log.stats()).toMatchObject({ distinct: ROWS + 3_000, violations: [] });
  },
);
