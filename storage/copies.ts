import { z } from 'zod';
import { RowcastError } from '../errors.ts';
import type { Storage } from './storage.ts';

/** Older copies are removed. */
const COPIES_KEPT = 3;

const NUMBER_DIGITS = 12;

/** What has copies of its state in storage. */
export type CopyKind = 'sync' | 'integration' | 'destination' | 'webhook';

export interface StateCopy {
  readonly number: number;
  readonly state: unknown;
}

const CopyFile = z.object({
  version: z.literal(1),
  number: z.int(),
  state: z.unknown().refine((state) => state !== undefined),
});

const KEY = new RegExp(`/\\d{${NUMBER_DIGITS}}\\.json$`);

/** Stores a numbered copy of a state. @throws RowcastError where the number is taken. */
export async function writeCopy(
  storage: Storage,
  kind: CopyKind,
  name: string,
  copy: StateCopy,
): Promise<void> {
  const key = `${folderOf(kind, name)}/${String(copy.number).padStart(NUMBER_DIGITS, '0')}.json`;
  await storage.put(key, Buffer.from(JSON.stringify({ version: 1, ...copy })));
  const keys = await keysOf(storage, kind, name);
  await storage.removeObjects(keys.slice(0, -COPIES_KEPT));
}

/**
 * The newest copy of a state, or null where there is none.
 *
 * @throws RowcastError storage_corrupt where the newest is damaged: what it held is not known, so that an older
 * one is only taken once somebody has removed it.
 */
export async function latestCopy(storage: Storage, kind: CopyKind, name: string): Promise<StateCopy | null> {
  const key = (await keysOf(storage, kind, name)).at(-1);
  if (key === undefined) return null;
  const body = await storage.get(key);
  // Removed since it was listed, and that is done only once there are newer ones.
  if (body === null) return await latestCopy(storage, kind, name);
  try {
    const { number, state } = CopyFile.parse(JSON.parse(String(body)));
    return { number, state };
  } catch (error) {
    throw new RowcastError(
      'storage_corrupt',
      `The copy ${key} in ${storage.identity.location} is damaged or of another version of Rowcast; remove it, and the one before it is taken.`,
      { cause: error },
    );
  }
}

/** The names of everything of a kind that has copies, in ascending order. @throws RowcastError */
export async function copiedNames(storage: Storage, kind: CopyKind): Promise<string[]> {
  return [...(await newestCopies(storage, kind)).keys()];
}

/** For each name that has copies the key of the newest, which is another one after each change. @throws RowcastError */
export async function newestCopies(storage: Storage, kind: CopyKind): Promise<Map<string, string>> {
  const keys = (await storage.list(`state/${kind}`)).filter((key) => KEY.test(key));
  return new Map(keys.map((key) => [key.split('/')[2] ?? '', key]));
}

/** The keys of the copies that there are, from the oldest to the newest. */
async function keysOf(storage: Storage, kind: CopyKind, name: string): Promise<string[]> {
  return (await storage.list(folderOf(kind, name))).filter((key) => KEY.test(key));
}

const folderOf = (kind: CopyKind, name: string) => `state/${kind}/${name}`;
