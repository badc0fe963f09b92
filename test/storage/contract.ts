import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Storage } from '../../storage/storage.ts';

/** A storage of a test's own, which can be opened as often as it likes. */
export interface TestStorage extends AsyncDisposable {
  open(): Promise<Storage>;
}

/** What the contract needs to know of a storage. */
export interface StorageUnderTest {
  readonly name: string;
  /** How many sequences of steps are tried. */
  readonly rounds: number;
  /** A new storage with nothing in it. */
  create(): Promise<TestStorage>;
}

const REFUSED_KEYS = [
  '',
  '/',
  '/etc/passwd',
  '..',
  '../other/file',
  'runs/../../file',
  'runs/..',
  './file',
  'runs/./file',
  'runs//file',
  'runs/',
  'runs\\..\\file',
  'runs/a b',
  'runs/a\0b',
  'runs/a\n',
  'runs/ü',
  '~/file',
  'runs/%2e%2e/file',
];

/** What every storage must do. One suite, run over each of them. */
export function describeStorage(subject: StorageUnderTest): void {
  describe(subject.name, () => {
    describeIdentity(subject);
    describeObjects(subject);
    describeFolders(subject);
    describeKeys(subject);
    describeConcurrency(subject);
    describeScratch(subject);
  });
}

function describeIdentity(subject: StorageUnderTest): void {
  test('a storage is the same one whenever it is opened, and another one is not', async () => {
    await using one = await subject.create();
    await using other = await subject.create();
    const first = await one.open();
    expect(first.identity.id).toMatch(/\S/);
    expect((await one.open()).identity).toEqual(first.identity);
    expect((await other.open()).identity.id).not.toBe(first.identity.id);
  });
}

function describeObjects(subject: StorageUnderTest): void {
  test('what was put comes back byte for byte, for whoever opens the storage', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    const large = Buffer.alloc(5 * 1_024 * 1_024, 'a chunk of calls,');
    const objects = {
      'runs/people/run-1/empty': Buffer.alloc(0),
      'runs/people/run-1/bytes': Buffer.from(Array.from({ length: 256 }, (_byte, value) => value)),
      'runs/people/run-1/large': large,
      alone: Buffer.from('ключ 🦊'),
    };
    for (const [key, body] of Object.entries(objects)) await storage.put(key, body);
    for (const [key, body] of Object.entries(objects)) {
      expect(body.equals((await storage.get(key))!)).toBe(true);
      expect(body.equals((await (await created.open()).get(key))!)).toBe(true);
    }
  });

  test('only the bytes of a view are put, not the buffer that it is a view of', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    await storage.put('a/view', Buffer.from('0123456789').subarray(2, 5));
    await storage.put('a/array', new Uint8Array(Buffer.from('0123456789')).subarray(7));
    expect(String(await storage.get('a/view'))).toBe('234');
    expect(String(await storage.get('a/array'))).toBe('789');
  });

  test('an object is read from any position on, and from its end on there is nothing', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    const body = Buffer.from(Array.from({ length: 300_000 }, (_byte, at) => at % 251));
    await storage.put('runs/people/run/chunk', body);
    for (const from of [0, 1, 250, 299_999, 300_000, 300_001, 5_000_000]) {
      const rest = (await storage.get('runs/people/run/chunk', from))!;
      expect({ from, length: rest.length }).toEqual({ from, length: Math.max(0, body.length - from) });
      expect(rest.equals(body.subarray(from))).toBe(true);
    }
    await storage.put('runs/people/run/empty', Buffer.alloc(0));
    expect(await storage.get('runs/people/run/empty', 1)).toEqual(Buffer.alloc(0));
    expect(await storage.get('runs/people/run/other', 1)).toBeNull();
  });

  test('an object is read into memory of the caller’s that has room for it, and elsewhere otherwise', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    const body = Buffer.from(Array.from({ length: 300_000 }, (_byte, at) => at % 251));
    await storage.put('runs/people/run/chunk', body);
    for (const [bytes, from, isUsed] of [
      [300_000, 0, true],
      [400_000, 0, true],
      [299_999, 0, false],
      [299_999, 1, true],
    ] as const) {
      const memory = Buffer.alloc(bytes);
      const found = (await storage.get('runs/people/run/chunk', from, memory))!;
      expect(found.equals(body.subarray(from))).toBe(true);
      expect({ bytes, from, isUsed: found.buffer === memory.buffer }).toEqual({ bytes, from, isUsed });
    }
  });

  test('what is put may be changed once the storage has no more use for it', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    const body = Buffer.alloc(3_000_000, 'x');
    await storage.put('runs/people/chunk', body, () => body.fill('y'));
    expect((await storage.get('runs/people/chunk'))?.equals(Buffer.alloc(3_000_000, 'x'))).toBe(true);
  });

  test('there is nothing under a key that was not put, above an object or below one', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    await storage.put('runs/people/chunk', Buffer.from('x'));
    expect(await storage.get('runs/people/other')).toBeNull();
    expect(await storage.get('nothing/at/all')).toBeNull();
    expect(await storage.get('runs/people')).toBeNull();
    expect(await storage.get('runs/people/chunk/below')).toBeNull();
  });

  test('an object is never overwritten: the second put fails and names the key', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    await storage.put('runs/people/chunk', Buffer.from('first'));
    await expect(storage.put('runs/people/chunk', Buffer.from('second'))).rejects.toMatchObject({
      code: 'storage_corrupt',
      message: expect.stringMatching(
        /runs\/people\/chunk .*exists already and is never overwritten/,
      ) as string,
    });
    expect(String(await storage.get('runs/people/chunk'))).toBe('first');
    await storage.remove('runs/people/chunk');
    await storage.put('runs/people/chunk', Buffer.from('third'));
    expect(String(await storage.get('runs/people/chunk'))).toBe('third');
  });
}

const byBytes = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));

function describeFolders(subject: StorageUnderTest): void {
  test('a folder lists and removes exactly what is below it, whatever was put and removed before', async () => {
    const segment = fc.constantFrom('a', 'A', 'a-b', 'a.b', 'a0');
    const folder = fc.array(segment, { minLength: 1, maxLength: 2 }).map((segments) => segments.join('/'));
    // No object's name is a folder's: a folder on a disk cannot be both.
    const key = fc.tuple(folder, segment).map(([parent, name]) => `${parent}/${name}.object`);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ put: key }) },
      { weight: 1, arbitrary: fc.record({ remove: fc.oneof(folder, key) }) },
      { weight: 2, arbitrary: fc.record({ list: folder }) },
    );
    const isBelow = (parent: string) => (object: string) => object.startsWith(`${parent}/`);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        await using created = await subject.create();
        const storage = await created.open();
        const objects = new Set<string>();
        for (const taken of steps) {
          if ('put' in taken && !objects.has(taken.put)) {
            await storage.put(taken.put, Buffer.from(taken.put));
            objects.add(taken.put);
          }
          if ('remove' in taken) {
            await storage.remove(taken.remove);
            objects.delete(taken.remove);
            for (const gone of [...objects].filter(isBelow(taken.remove))) objects.delete(gone);
          }
          if ('list' in taken) {
            const below = [...objects].filter(isBelow(taken.list));
            expect(await storage.list(taken.list)).toEqual(below.sort(byBytes));
          }
        }
        for (const object of objects) expect(String(await storage.get(object))).toBe(object);
        for (const top of ['a', 'A', 'a-b']) {
          expect(await storage.list(top)).toEqual([...objects].filter(isBelow(top)).sort(byBytes));
        }
      }),
      { numRuns: subject.rounds },
    );
  });

  test('a listing is in ascending order of bytes', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    const keys = ['f/a', 'f/B', 'f/10', 'f/9', 'f/a-b', 'f/a.b', 'f/_', 'f/=', 'f/d/z', 'f/d-/a', 'f/d.'];
    for (const key of keys) await storage.put(key, Buffer.from('x'));
    expect(await storage.list('f')).toEqual([
      'f/10',
      'f/9',
      'f/=',
      'f/B',
      'f/_',
      'f/a',
      'f/a-b',
      'f/a.b',
      'f/d-/a',
      'f/d.',
      'f/d/z',
    ]);
  });

  test('more objects than one request takes are listed and removed, and no others', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    const keys = Array.from({ length: 1_203 }, (_key, at) => `runs/people/${String(at).padStart(4, '0')}`);
    for (let at = 0; at < keys.length; at += 20) {
      await Promise.all(keys.slice(at, at + 20).map((key) => storage.put(key, Buffer.from('x'))));
    }
    expect(await storage.list('runs')).toEqual(keys);
    await storage.removeObjects([...keys.slice(0, 1_101), 'runs/people/none', 'runs/none/at/all']);
    expect(await storage.list('runs')).toEqual(keys.slice(1_101));
    await storage.removeObjects(['runs/people', 'runs']);
    await storage.removeObjects([]);
    expect(await storage.list('runs')).toEqual(keys.slice(1_101));
    await storage.remove('runs/people');
    expect(await storage.list('runs')).toEqual([]);
  });

  test('a folder that is not there, or is an object, lists nothing and can be removed', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    await storage.put('runs/people/chunk', Buffer.from('x'));
    for (const folder of ['runs/companies', 'nothing', 'runs/people/chunk', 'runs/people/chunk/below']) {
      expect(await storage.list(folder)).toEqual([]);
    }
    for (const folder of ['runs/companies', 'nothing', 'runs/people/chunk/below']) {
      await storage.remove(folder);
    }
    expect(await storage.list('runs')).toEqual(['runs/people/chunk']);
  });
}

function describeKeys(subject: StorageUnderTest): void {
  test('a key that could leave the storage, or is no key, is refused by everything', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    for (const key of REFUSED_KEYS) {
      for (const task of [
        () => storage.put(key, Buffer.from('x')),
        () => storage.get(key),
        () => storage.list(key),
        () => storage.remove(key),
        () => storage.removeObjects(['runs/people/run/chunk', key]),
      ]) {
        await expect(task(), `${task.toString()} ${JSON.stringify(key)}`).rejects.toThrow(
          'not a storage key',
        );
      }
    }
  });
}

function describeConcurrency(subject: StorageUnderTest): void {
  test('of many that put one key at once, one succeeds, and its bytes are there whole', async () => {
    await using created = await subject.create();
    const storages = await Promise.all(Array.from({ length: 4 }, () => created.open()));
    for (let round = 0; round < 10; round += 1) {
      const bodies = storages.map((_storage, writer) => Buffer.alloc(100_000, String(writer)));
      const puts = storages.map((storage, writer) => storage.put(`one/${round}`, bodies[writer]!));
      const outcomes = await Promise.allSettled(puts);
      const winners = outcomes.flatMap(({ status }, writer) => (status === 'fulfilled' ? [writer] : []));
      expect(winners).toHaveLength(1);
      expect(bodies[winners[0]!]!.equals((await storages[0]!.get(`one/${round}`))!)).toBe(true);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'storage_corrupt' });
      }
    }
  });

  test('runs that begin and end beside one another do not disturb each other’s objects and listings', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    await storage.put('runs/kept/object', Buffer.from('x'));
    const run = async (number: number) => {
      for (let round = 0; round < 40; round += 1) {
        const folder = `runs/people/${number}/${round}`;
        await storage.put(`${folder}/chunks/0`, Buffer.from('y'));
        expect(await storage.list(folder)).toEqual([`${folder}/chunks/0`]);
        await storage.remove(`runs/people/${number}`);
      }
    };
    const look = async () => {
      for (let round = 0; round < 40; round += 1)
        expect(await storage.list('runs')).toContain('runs/kept/object');
    };
    await Promise.all([run(1), run(2), run(3), run(4), look()]);
    expect(await storage.list('runs')).toEqual(['runs/kept/object']);
  });
}

function describeScratch(subject: StorageUnderTest): void {
  const contentOf = async (blocks: AsyncIterable<Buffer>) =>
    (await Array.fromAsync(blocks, (block) => Buffer.from(block))).map(String);

  test('temporary files grow by what is added, come back in blocks, and are nobody else’s', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    await using one = await storage.scratch();
    await using other = await storage.scratch();
    await one.append('numbers', Buffer.from('0123'));
    await one.append('letters', Buffer.from('abc'));
    await one.append('numbers', Buffer.from('456789'));
    await other.append('numbers', Buffer.from('9'));
    expect(await contentOf(one.read('numbers', Buffer.alloc(4)))).toEqual(['0123', '4567', '89']);
    expect(await contentOf(one.read('letters', Buffer.alloc(3)))).toEqual(['abc']);
    expect(await contentOf(other.read('numbers', Buffer.alloc(4)))).toEqual(['9']);
  });

  test('temporary files are gone once they are disposed of, and reading them says so', async () => {
    await using created = await subject.create();
    const storage = await created.open();
    const scratch = await storage.scratch();
    await scratch.append('file', Buffer.from('x'));
    await scratch[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
    await expect(contentOf(scratch.read('file', Buffer.alloc(1)))).rejects.toMatchObject({
      code: 'storage_unreachable',
    });
  });
}
