import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inject } from 'vitest';
import { newIdentity, seal } from '../../client/index.ts';
import { Receiver } from '../../dev/receiver/receiver.ts';
import { startTemporal } from '../../dev/temporal.ts';
import type { FoundTemporal, TemporalServer } from '../../dev/temporal.ts';
import { startEngine, WRITE_KEY } from './engine.ts';
import type { Engine } from './engine.ts';
import { SIGNING_SECRET, TOKEN } from './webhookReceiver.ts';

/* Every kind of secret that Rowcast has, and where each is looked for. */

export const SECRETS = {
  password: 'pw+9f/3c Q"u\'ö=7d1',
  sealedPassword: 'sealed pw/8e+2a \'ä"=c41',
  writeKey: WRITE_KEY,
  sealedKey: 'sealed-key-7c/5d+e0',
  sealedHeader: 'Bearer sealed+header/2f9a',
  /** What stands behind the scheme alone. */
  sealedToken: 'sealed+header/2f9a',
  namedHeader: 'named-header/61+b8',
  filedHeader: 'filed-header/90+d7',
  hookToken: TOKEN,
  hookKey: SIGNING_SECRET.slice('whsec_'.length),
  /** How the private half of every key of a tunnel begins, which only the worker ever has. */
  tunnelKey: 'b3BlbnNzaC1rZXktdjE',
};
/** In every row. */
export const MARKER = 'a-row-of-people-5b21';

const [ROLE, SEALED_ROLE] = ['secretive', 'sealed_secretive'];

/** A source whose password the worker knows by its name. */
export const NAMED_SOURCE = { user: ROLE, password: { secret: 'reader' } };

const PEOPLE = 'SELECT id AS "userId", note FROM people';
export const GOOD = { source: NAMED_SOURCE, query: PEOPLE };

/** An engine with a Temporal of its own, whose database is a file, unless the tests run on a cluster. */
export class Secretive implements AsyncDisposable {
  readonly engine: Engine;
  /** A destination whose write key and headers are sealed. */
  readonly receiver: Receiver;
  readonly #folder: string;
  readonly #temporal: TemporalServer | undefined;
  readonly #identity: string;
  readonly #recipient: string;

  private constructor(
    { engine, receiver, temporal }: { engine: Engine; receiver: Receiver; temporal?: TemporalServer },
    { folder, identity, recipient }: { folder: string; identity: string; recipient: string },
  ) {
    this.engine = engine;
    this.receiver = receiver;
    this.#temporal = temporal;
    this.#folder = folder;
    this.#identity = identity;
    this.#recipient = recipient;
  }

  static async start(found: FoundTemporal): Promise<Secretive> {
    const folder = mkdtempSync(join(tmpdir(), 'rowcast-secrets-'));
    mkdirSync(join(folder, 'secrets'));
    writeFileSync(join(folder, 'secrets', 'filed'), `${SECRETS.filedHeader}\n`);
    const { file, recipient } = await newIdentity();
    writeFileSync(join(folder, 'identity.txt'), file);
    const [, , identity = ''] = file.split('\n');
    const [databaseFile, logFile] = [join(folder, 'temporal.db'), join(folder, 'temporal.log')];
    const own =
      found.kind === 'cluster'
        ? {}
        : { temporal: await startTemporal({ path: found.path, databaseFile, logFile, ui: false }) };
    const receiver = await Receiver.start({ writeKey: SECRETS.sealedKey, api: 'segment' });
    const env = {
      ROWCAST_SECRET_READER: SECRETS.password,
      ROWCAST_SECRET_NAMED: SECRETS.namedHeader,
      ROWCAST_SECRETS_DIR: join(folder, 'secrets'),
      ROWCAST_IDENTITY: join(folder, 'identity.txt'),
      ...('temporal' in own ? { TEMPORAL_ADDRESS: own.temporal.address } : {}),
    };
    const engine = await startEngine({ env });
    await engine.sql.query(TABLES);
    return new Secretive({ engine, receiver, ...own }, { folder, identity, recipient });
  }

  /** What of the engine's integration or destination is bound to a place. */
  seal(kind: 'integration' | 'destination', field: string, value: string, place: string) {
    const { database } = this.engine;
    const name = `${kind === 'integration' ? 'from' : 'to'}-${database.slice('test_'.length)}`;
    return seal(value, { kind, name, field, place }, this.#recipient);
  }

  /** What of a webhook is told to nobody. */
  sealHook(name: string, field: 'url' | 'signingSecret', value: string) {
    return seal(value, { kind: 'webhook', name, field, place: null }, this.#recipient);
  }

  /** A sync that has no secret but sealed ones, besides two headers of which the worker knows the names. */
  async allSealed(query = PEOPLE) {
    const { host, port } = inject('postgres');
    const { url } = this.receiver;
    const { sealedPassword, sealedKey, sealedHeader } = SECRETS;
    const password = await this.seal('integration', 'source.password', sealedPassword, `${host}:${port}`);
    const headers = {
      'X-Sealed': await this.seal('destination', 'headers.X-Sealed', sealedHeader, url),
      'X-Named': { secret: 'named' },
      'X-Filed': { secret: 'filed' },
    };
    const writeKey = await this.seal('destination', 'writeKey', sealedKey, url);
    return {
      query,
      source: { user: SEALED_ROLE, password },
      destination: { kind: 'http', url, writeKey, headers },
    };
  }

  /** Which secrets are in there, however they are written. */
  secretsIn(where: Uint8Array | string): string[] {
    const bytes = Buffer.from(where);
    return [...Object.values(SECRETS), this.#identity].filter((secret) =>
      formsOf(secret).some((form) => bytes.includes(form)),
    );
  }

  /** What Temporal's server keeps: its files as they are, and every value of every table. The server ends. */
  async temporalDatabase(): Promise<{ files: string[]; cells: Buffer[] }> {
    // It lets nobody else open the file.
    await this.#temporal?.stop();
    const files = (await filesBelow(this.#folder)).filter((file) => file.includes('temporal.db'));
    using database = new DatabaseSync(join(this.#folder, 'temporal.db'));
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const rows = tables.flatMap(({ name }) => database.prepare(`SELECT * FROM "${String(name)}"`).all());
    const values = rows.flatMap((row) => Object.values(row));
    const cells = values.filter((value) => typeof value === 'string' || value instanceof Uint8Array);
    return { files, cells: cells.map((cell) => Buffer.from(cell as string)) };
  }

  async [Symbol.asyncDispose]() {
    await this.engine.sql.query(`DROP OWNED BY ${ROLE}, ${SEALED_ROLE}; DROP ROLE ${ROLE}, ${SEALED_ROLE}`);
    await this.engine[Symbol.asyncDispose]();
    await this.receiver.stop();
    await this.#temporal?.stop('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const TABLES = `
  CREATE TABLE people AS SELECT 'u' || n AS id, '${MARKER}-' || n AS note FROM generate_series(1, 20) n;
  CREATE TABLE vault AS SELECT ${quoted(SECRETS.password)}::text AS words,
    ${quoted(SECRETS.sealedPassword)}::text AS sealed_words;
  CREATE ROLE ${ROLE} LOGIN PASSWORD ${quoted(SECRETS.password)};
  CREATE ROLE ${SEALED_ROLE} LOGIN PASSWORD ${quoted(SECRETS.sealedPassword)};
  GRANT SELECT ON people, vault TO ${ROLE}, ${SEALED_ROLE};`;

function formsOf(secret: string): string[] {
  const base64 = [secret, `${secret}:`].map((text) => Buffer.from(text).toString('base64'));
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    ...base64.map((text) => text.replace(/=+$/, '')),
  ];
}

/** Every file in a folder and its folders. */
export async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}
