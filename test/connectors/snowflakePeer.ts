import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../dev/port.ts';
import { messageOf } from '../../errors.ts';
import { pythonWith } from '../python.ts';
import { until } from '../until.ts';

/** fakesnow is Snowflake's SQL on DuckDB; the others are what it was tested with. */
const PACKAGES = [
  'fakesnow==0.12.1',
  'duckdb==2.0.1',
  'pyarrow==26.0.1',
  'sqlglot==30.22.0',
  'snowflake-connector-python==4.8.1',
];

/** A user of the peer's; `refuse` is the number and the words of a sign-in that fails. */
export interface PeerUser {
  readonly password?: string;
  readonly publicKey?: string;
  readonly refuse?: readonly [code: string, words: string];
}

/** An answer to one text of SQL, as it goes over the wire. */
export interface Canned {
  readonly rowtype: readonly Readonly<Record<string, string | number>>[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** How many of the rows the service claims to hand over. */
  readonly returned?: number;
}

export interface PeerFaults {
  /** Every request is answered with this HTTP status. */
  readonly status?: number;
  /** So many downloads of chunks are answered with `chunkStatus`, 503 by default. */
  readonly chunks?: number;
  readonly chunkStatus?: number;
  /** Seconds before a chunk is answered. */
  readonly chunkStall?: number;
  /** Rows that each chunk lacks. */
  readonly chunkLoses?: number;
}

export interface PeerState {
  readonly sessions: readonly {
    readonly user: string;
    readonly parameters: Readonly<Record<string, string>>;
  }[];
  /** The users of the statements under way. */
  readonly running: readonly string[];
  readonly counts: { readonly queries: number; readonly chunks: number; readonly renewals: number };
  readonly seen: readonly { readonly sql: string; readonly parameters: unknown }[];
}

export interface SnowflakePeer {
  readonly url: string;
  addUser(name: string, user: PeerUser): Promise<void>;
  can(answers: Readonly<Record<string, Canned>>): Promise<void>;
  fail(faults: PeerFaults): Promise<void>;
  /** Cuts off every session of a user, and the downloads of its results. */
  kill(user: string): Promise<void>;
  /** The tokens of a user's sessions expire, as they do after an hour. */
  expire(user: string): Promise<void>;
  state(): Promise<PeerState>;
  stop(): Promise<void>;
}

/** Starts a stand-in for Snowflake on a free port; or says why there is none. */
export async function startSnowflakePeer(): Promise<SnowflakePeer | string> {
  const found = await pythonWith('snowflake', PACKAGES);
  if (typeof found === 'string') return found;
  const port = await freePort();
  const log = openSync(join(tmpdir(), `rowcast-snowflake-peer-${port}.log`), 'w');
  const script = join(import.meta.dirname, 'snowflakePeer.py');
  // It ends when its standard input does, so with this process, however this one ends.
  const child = spawn(found.python, [script, String(port)], { stdio: ['pipe', log, log] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const peer = peerAt(`http://127.0.0.1:${port}`, async () => {
    child.kill('SIGKILL');
    await exited;
  });
  try {
    await until(async () => child.exitCode !== null || (await isUp(peer)));
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}`);
    return peer;
  } catch (error) {
    await peer.stop();
    return `the peer of Snowflake did not start: ${messageOf(error)}`;
  }
}

async function isUp(peer: SnowflakePeer): Promise<boolean> {
  return peer.state().then(
    () => true,
    () => false,
  );
}

function peerAt(url: string, stop: () => Promise<void>): SnowflakePeer {
  const put = async (what: string, content: unknown): Promise<void> => {
    await fetch(`${url}/_test/${what}`, { method: 'PUT', body: JSON.stringify(content) });
  };
  return {
    url,
    addUser: (name, user) => put('users', { [name]: user }),
    can: (answers) => put('canned', answers),
    fail: (faults) => put('faults', faults),
    kill: (user) => put('kill', { user }),
    expire: (user) => put('expire', { user }),
    state: async () => (await (await fetch(`${url}/_test/state`)).json()) as PeerState,
    stop,
  };
}
