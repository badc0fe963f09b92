import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openLocalStorage } from '../../storage/local.ts';
import { RowcastError } from '../../errors.ts';
import type { Scratch, Storage } from '../../storage/storage.ts';

/* A local storage in a process of its own, so that it can have another user, another umask, or be killed. */

/** What the process is asked to do; `bytes` is how many to write. */
export type Step =
  | { readonly do: 'open'; readonly folder: string }
  | { readonly do: 'put'; readonly key: string; readonly bytes: number }
  | { readonly do: 'get' | 'list' | 'remove'; readonly key: string }
  | { readonly do: 'scratch'; readonly bytes: number };

/** What came of it: the storage's id, the size of an object, a listing, or a failure. */
export type Outcome = { readonly value: unknown } | { readonly code: string; readonly message: string };

export interface ChildOptions {
  readonly umask?: number;
  /** Runs as a user who is not root; only root may ask for that. */
  readonly nobody?: boolean;
  /** A command that the process is started by, such as `unshare`. */
  readonly by?: readonly string[];
}

export interface Child extends AsyncDisposable {
  ask(step: Step): Promise<Outcome>;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

const NOBODY = 65_534;

export async function startChild({ umask, nobody = false, by = [] }: ChildOptions = {}): Promise<Child> {
  const [command, ...args] = [...by, process.execPath, import.meta.filename];
  const setup = JSON.stringify({ umask: umask ?? null, user: nobody ? NOBODY : null });
  const child = spawn(command, [...args, setup], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('it did not start'))),
  ]);
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    async ask(step) {
      const answer = once(child, 'message');
      child.send(step);
      const [outcome] = (await answer) as [Outcome];
      return outcome;
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** What the object of a key holds: as many bytes as asked for, and a different one for each key. */
export function bodyOf(key: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, key);
}

let storage: Storage | undefined;
let scratch: Scratch | undefined;

async function take(step: Step): Promise<unknown> {
  if (step.do === 'open') return (storage = await openLocalStorage(step.folder)).identity.id;
  if (storage === undefined) throw new Error('no storage is open');
  switch (step.do) {
    case 'put':
      return storage.put(step.key, bodyOf(step.key, step.bytes));
    case 'get':
      return (await storage.get(step.key))?.length ?? null;
    case 'list':
      return storage.list(step.key);
    case 'remove':
      return storage.remove(step.key);
    case 'scratch':
      scratch ??= await storage.scratch();
      return scratch.append('file', Buffer.alloc(step.bytes));
  }
}

async function outcomeOf(step: Step): Promise<Outcome> {
  try {
    return { value: (await take(step)) ?? null };
  } catch (error) {
    if (error instanceof RowcastError) return { code: error.code, message: error.message };
    return { code: 'not explained', message: String(error) };
  }
}

if (process.argv[1] === import.meta.filename) {
  const { umask, user } = JSON.parse(process.argv[2] ?? '') as { umask: number | null; user: number | null };
  if (umask !== null) process.umask(umask);
  if (user !== null) {
    process.setgid?.(user);
    process.setuid?.(user);
  }
  process.on('message', (step: Step) => void outcomeOf(step).then((outcome) => process.send?.(outcome)));
  process.send?.('ready');
}
