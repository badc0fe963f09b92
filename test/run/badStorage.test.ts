import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { ImportRecord } from '../../client/index.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { failureOf } from '../connectors/request.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* A storage that is full, gone, or another one. */

const WAIT = { ROWCAST_STORAGE_WAIT_MS: '2000' };
const ROWS = 3_000;
const QUERY = `SELECT n AS "userId", repeat(md5(n::text), 30) AS note FROM generate_series(1, ${ROWS}) n`;

/** A file system of its own, of which a test decides how large it is; null where this machine mounts none. */
function smallDisk(): {
  path: string;
  resize(megabytes: number): void;
  allowWrites(allowed: boolean): void;
  remove(): void;
} | null {
  const path = mkdtempSync(join(tmpdir(), 'rowcast-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]).status === 0;
  if (!mounted) rmSync(path, { recursive: true });
  return mounted
    ? {
        path,
        resize: (megabytes) => execFileSync('mount', ['-o', `remount,size=${megabytes}m`, path]),
        allowWrites: (allowed) => execFileSync('mount', ['-o', `remount,${allowed ? 'rw' : 'ro'}`, path]),
        remove() {
          execFileSync('umount', [path]);
          rmSync(path, { recursive: true });
        },
      }
    : null;
}

const disk = smallDisk();
afterAll(() => disk?.remove());

test.skipIf(disk === null)(
  'a storage that is full fails the run with a sentence, and its window repeats once there is room (skipped where no file system can be mounted)',
  async () => {
    if (disk === null) return;
    const storage = join(disk.path, 'storage');
    const engine = await startEngine({ env: { ...WAIT, ROWCAST_STORAGE: storage } });
    try {
      const name = await engine.sync({ query: QUERY });
      const failed = await engine.run(name);
      expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'storage_full', delivered: 0 });
      expect(failed.error).toContain(`The storage folder ${storage} is full`);
      expect(failed.error).toContain('free some space');
      await keepsWindow(engine, name, failed);

      disk.resize(64);
      await deliversAll(engine, name);
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  },
);

test.skipIf(disk === null)(
  'what is applied while the storage is full is refused, and nothing of it is there (skipped where no file system can be mounted)',
  async () => {
    if (disk === null) return;
    disk.resize(1);
    const engine = await startEngine({ env: { ...WAIT, ROWCAST_STORAGE: join(disk.path, 'other') } });
    try {
      const existing = await engine.sync({ name: 'existing', query: QUERY, every: '1 hour' });
      const filler = join(disk.path, 'filler');
      spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k', 'count=4096']);

      const { definition } = await engine.rowcast.syncs.get(existing);
      const fresh = { ...definition, name: existing.replace('existing', 'fresh') };
      const failure = await failureOf(engine.rowcast.syncs.update(fresh));
      expect(failure.code).toBe('storage_full');
      expect(failure.message).toMatch(/^The storage folder .* is full \(ENOSPC\); free some space/);
      expect(await engine.rowcast.syncs.find(fresh.name)).toBeNull();
      await expect(engine.temporal.schedule.getHandle(scheduleId(fresh.name)).describe()).rejects.toThrow(
        /not found/,
      );

      const changed = { ...definition, every: '2 hours' };
      expect((await failureOf(engine.rowcast.syncs.update(changed))).code).toBe('storage_full');
      expect(await engine.rowcast.syncs.listing(existing)).toMatchObject({ every: '1 hour' });
      const { spec } = await engine.temporal.schedule.getHandle(scheduleId(existing)).describe();
      expect(spec.intervals).toMatchObject([{ every: 3_600_000 }]);

      rmSync(filler);
      expect(await engine.rowcast.syncs.update(changed)).toMatchObject({ change: 'updated' });
      expect(await engine.rowcast.syncs.update(fresh, { enabled: false })).toMatchObject({
        change: 'created',
        notices: [],
      });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  },
);

test.skipIf(disk === null)(
  'a storage that can only be read fails the run with a sentence, and its window repeats once it can be written (skipped where no file system can be mounted)',
  async () => {
    if (disk === null) return;
    disk.resize(64);
    const storage = join(disk.path, 'readable');
    const engine = await startEngine({ env: { ...WAIT, ROWCAST_STORAGE: storage } });
    try {
      const name = await engine.sync({ query: QUERY });
      disk.allowWrites(false);
      const failed = await engine.run(name);
      const { definition } = await engine.rowcast.syncs.get(name);
      const refusal = await failureOf(engine.rowcast.syncs.update({ ...definition, title: 'Changed' }));
      disk.allowWrites(true);
      expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'storage_unreachable' });
      expect(failed.error).toMatch(
        /^The storage folder .* cannot be used \(EROFS.*make it readable and writable/,
      );
      expect(refusal).toMatchObject({ code: 'storage_unreachable' });
      expect(refusal.message).toContain('EROFS');
      await keepsWindow(engine, name, failed);
      await deliversAll(engine, name);
    } finally {
      disk.allowWrites(true);
      await engine[Symbol.asyncDispose]();
    }
  },
);

test('a storage folder that is gone once all is delivered fails the run with the same sentence', async () => {
  await using engine = await startEngine({ env: WAIT });
  const name = await engine.sync({ query: QUERY, keepCalls: 0 });
  engine.receiver.misbehave({ kind: 'slow', ms: 2_000 });
  const { run } = await engine.rowcast.syncs.run(name);
  while ((await engine.filesLeft()).every((file) => !file.endsWith('manifest.json'))) await sleep(50);
  await sleep(700); // The chunks are in memory by then.
  const away = `${engine.storage}-away`;
  renameSync(engine.storage, away);
  const failed = await engine.rowcast.imports.wait(run);
  renameSync(away, engine.storage);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'storage_unreachable', delivered: ROWS });
  expect(failed.error).toMatch(/^The storage folder .* is gone/);
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: ROWS, since: 0 });
  expect(engine.receiver.log.stats()).toMatchObject({ distinct: ROWS, violations: [] });
});

// Side by side: most of their time they wait for a storage that does not come.
test.concurrent(
  'a storage folder that is gone fails the run with a sentence, and its window repeats once it is back',
  async () => {
    await using engine = await startEngine({ env: WAIT });
    const name = await engine.sync({ query: QUERY });
    const away = `${engine.storage}-away`;
    renameSync(engine.storage, away);
    const failed = await engine.run(name);
    renameSync(away, engine.storage);
    expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'storage_unreachable' });
    expect(failed.error).toContain(`The storage folder ${engine.storage}`);
    expect(failed.error).toContain('mount or restore it');
    await keepsWindow(engine, name, failed);
    await deliversAll(engine, name);
  },
);

test.concurrent(
  'what is new cannot be applied while the storage folder is gone, and is not there once it is back',
  async () => {
    await using engine = await startEngine({ env: WAIT });
    const existing = await engine.sync({ name: 'existing', query: QUERY });
    const { definition } = await engine.rowcast.syncs.get(existing);
    const fresh = { ...definition, name: existing.replace('existing', 'fresh') };
    const away = `${engine.storage}-away`;
    renameSync(engine.storage, away);
    const failure = await failureOf(engine.rowcast.syncs.update(fresh));
    renameSync(away, engine.storage);
    expect(failure.code).toBe('storage_unreachable');
    expect(failure.message).toContain(`The storage folder ${engine.storage}`);
    await sleep(5_000); // What was still under way would be done by then.
    expect(await engine.rowcast.syncs.find(fresh.name)).toBeNull();
  },
);

test.concurrent(
  'a worker with another storage does not take the run: it fails, naming the one that the sync remembers',
  async () => {
    await using engine = await startEngine({ env: WAIT });
    const name = await engine.sync({ query: QUERY });
    const { definition, storage } = await engine.rowcast.syncs.get(name);
    await engine.killWorker();
    engine.startWorker({ ROWCAST_STORAGE: `${engine.storage}-other` });
    const failed = await engine.run(name);
    expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'storage_unreachable', delivered: null });
    expect(failed.error).toContain(`No worker that can reach the storage ${storage.id} (${engine.storage})`);
    expect(failed.error).toContain('Start a worker with ROWCAST_STORAGE set to it');
    const refusal = await failureOf(engine.rowcast.syncs.update({ ...definition, title: 'Changed' }));
    expect(refusal.code).toBe('storage_unreachable');
    expect(refusal.message).toContain(
      `No worker that can reach the storage ${storage.id} (${engine.storage})`,
    );
    expect(await engine.rowcast.syncs.get(name)).toMatchObject({ definition, storage });
    await keepsWindow(engine, name, failed);

    await engine.killWorker();
    engine.startWorker();
    await deliversAll(engine, name);
  },
);

test('a worker whose ROWCAST_STORAGE cannot be one does not start, and says why', async () => {
  await using engine = await startEngine();
  const file = join(engine.storage, '..', 'a-file');
  writeFileSync(file, '');
  const places: readonly (readonly [string, RegExp])[] = [
    [file, /^The storage folder .*a-file cannot be used, because .*set ROWCAST_STORAGE to another one\.\n$/],
    ['gs://bucket', /^ROWCAST_STORAGE is neither a folder nor S3; give a path such as .*, or s3:\/\/BUCKET/],
  ];
  for (const [place, says] of places) {
    await engine.killWorker();
    const before = (await readFile(engine.workerLog, 'utf8')).length;
    engine.startWorker({ ROWCAST_STORAGE: place });
    const exitCode = await new Promise((resolve) => engine.worker.child.once('exit', resolve));
    expect(exitCode).toBe(1);
    expect((await readFile(engine.workerLog, 'utf8')).slice(before)).toMatch(says);
  }
});

async function keepsWindow(engine: Engine, name: string, failed: ImportRecord): Promise<void> {
  expect(await engine.rowcast.imports.get(failed.run)).toEqual(failed);
  expect(await engine.rowcast.syncs.get(name)).toMatchObject({ lastSyncTime: 0, running: null });
  expect(engine.receiver.requests).toBe(0);
  expect((await engine.filesLeft()).filter((file) => file.includes(name))).toEqual([]);
}

async function deliversAll(engine: Engine, name: string): Promise<void> {
  const repeated = await engine.run(name);
  expect(repeated).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, since: 0 });
  expect(engine.receiver.log.stats()).toMatchObject({ received: ROWS, distinct: ROWS, violations: [] });
}
