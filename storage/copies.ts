import { RowcastError } from '../errors.ts';
import type { Storage } from './storage.ts';

/** Older copies are removed. */
const COPIES_KEPT = 3;

const NUMBER_DIGITS = 12;

/** What has copies of its state in storage. */
export type CopyKind = 'sync' | 'integration' | 'destination';

export interface StateCopy {
  readonly number: number;
  readonly state: unknown;
}

/** Stores a numbered copy of a state. @throws RowcastError where the number is taken. */
export async function writeCopy(
  storage: Storage,
  kind: CopyKind,
  name: string,
  copy: StateCopy,
): Promise<void> {
  const key = `${folderOf(kind, name)}/${String(copy.number).padStart(NUMBER_DIGITS, '0')}.json`;
  await storage.put(key, Buffer.from(JSON.stringify({ version: 1, ...copy })));
  const keys = await storage.list(folderOf(kind, name));
  for (const old of keys.slice(0, -COPIES_KEPT)) await storage.remove(old);
}

/** The newest copy of a state, or null where there is none. @throws RowcastError */
export async function latestCopy(storage: Storage, kind: CopyKind, name: string): Promise<StateCopy | null> {
  const key = (await storage.list(folderOf(kind, name))).at(-1);
  const body = key === undefined ? null : await storage.get(key);
  if (key === undefined || body === null) return null;
  try {
    const { state } = JSON.parse(String(body)) as { state: unknown };
    return { number: Number(key.slice(-NUMBER_DIGITS - '.json'.length, -'.json'.length)), state };
  } catch (error) {
    throw new RowcastError(
      'storage_corrupt',
      `The copy ${key} in ${storage.identity.location} is damaged; remove it, and the one before it is taken.`,
      { cause: error },
    );
  }
}

const folderOf = (kind: CopyKind, name: string) => `state/${kind}/${name}`;
