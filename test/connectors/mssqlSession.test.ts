import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { openMssql } from '../../connectors/mssql/source.ts';
import type { FailureCode } from '../../errors.ts';
import { readInChild } from './readInChild.ts';
import { failureOf, readAll } from './request.ts';
import { PASSWORD, startTdsPeer, varchar } from './tdsPeer.ts';
import type { Behaviour, TdsPeer } from './tdsPeer.ts';
import * as tds from './tdsTokens.ts';
import { CERTIFICATE, KEY } from './tlsProxy.ts';

/* How a connection to SQL Server begins, and what its clock says, against a peer of the tests' own: see `tdsPeer.ts` for what that cannot show. */

const peers: TdsPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

async function start(behaviour: Behaviour): Promise<TdsPeer> {
  const peer = await startTdsPeer(behaviour);
  peers.push(peer);
  return peer;
}

describe('a login', () => {
  const refused = (...errors: readonly (readonly [number, string])[]): Behaviour => ({
    login: Buffer.concat([
      ...errors.map(([code, words]) => tds.errorToken(code, words, 14)),
      tds.doneWithError(),
    ]),
  });

  const refusals: [FailureCode, RegExp, Behaviour][] = [
    [
      'source_login_refused',
      /user rowcast was refused.*secret reader.*Login failed.*18456/,
      refused([18456, 'Login failed']),
    ],
    [
      'source_database_missing',
      /no database shop.*4060/,
      refused([4060, 'Cannot open database'], [18456, 'Login failed']),
    ],
    ['source_permission_denied', /may not use the database shop.*916/, refused([916, 'not able to access'])],
    ['source_busy', /takes no more connections now.*10928/, refused([10928, 'Resource ID : 1'])],
    ['source_connection_lost', /starting or stopping.*18401/, refused([18401, 'script upgrade mode'])],
    [
      'source_login_refused',
      /user rowcast was refused.*33557097/,
      refused([33557097, 'role does not exist']),
    ],
    ['source_tls_failed', /takes no connections without TLS; set `tls: verify`/, { encryption: 3 }],
  ];

  test.each(refusals)('that fails is %s, and says so: %s', async (code, words, behaviour) => {
    const peer = await start(behaviour);
    const failure = await failureOf(peer.open());
    expect({ code: failure.code, message: failure.message }).toEqual({
      code,
      message: expect.stringMatching(words) as string,
    });
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(PASSWORD);
  });

  test('behind a tunnel goes to where that leads, and messages name the server itself', async () => {
    const peer = await start(refused([18456, 'Login failed']));
    const config = peer.config({ host: 'db.rowcast.invalid', port: 1433 });
    const signal = new AbortController().signal;
    const at = { host: '127.0.0.1', port: peer.port };
    const failure = await failureOf(openMssql(config, () => Promise.resolve(PASSWORD), signal, at));
    expect(failure.code).toBe('source_login_refused');
    expect(failure.message).toContain('was refused at db.rowcast.invalid:1433');
  });

  test('to a server without TLS is not made where TLS is wanted, so that no password crosses the wire', async () => {
    const peer = await start({ encryption: 2 });
    for (const tls of ['verify', 'require'] as const) {
      expect((await failureOf(peer.open({ tls }))).message).toMatch(/does not offer TLS.*`tls: off`/);
    }
    expect(peer.heard).toEqual([]);
  });
});

describe('TLS', () => {
  const result = Buffer.concat([
    tds.columns([['n', tds.u8(0x38)]]),
    ...[1, 2, 3].map((n) => tds.row(tds.u32(n))),
    tds.done(3),
  ]);
  const secure: Behaviour = {
    tls: { cert: CERTIFICATE, key: KEY },
    answer: (sql) => (sql === 'SELECT n' ? result : undefined),
  };

  test('is spoken where it is required, and checked where it is to be verified', async () => {
    const peer = await start(secure);
    const source = await peer.open({ tls: 'require' });
    expect((await readAll(source, 'SELECT n')).rows).toEqual([['1'], ['2'], ['3']]);
    await source.close();
    for (const host of ['127.0.0.1', 'localhost']) {
      const failure = await failureOf(peer.open({ tls: 'verify', host }));
      expect(failure.code).toBe('source_tls_failed');
      expect(failure.message).toMatch(/could not be verified.*NODE_EXTRA_CA_CERTS.*`tls: require`/);
    }
  });

  test('is verified by the server’s own name, with the authority that the worker was given', async () => {
    const peer = await start(secure);
    const folder = mkdtempSync(join(tmpdir(), 'rowcast-tls-'));
    writeFileSync(join(folder, 'authority.pem'), CERTIFICATE);
    const env = { NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') };
    const read = (host: string) => {
      const config = peer.config({ host, tls: 'verify' });
      const at = { host: '127.0.0.1', port: peer.port };
      return readInChild({ config, password: PASSWORD, sql: 'SELECT n', at }, [], env);
    };
    expect((await read('localhost')).rows).toBe(3);
    await expect(read('db.example.com')).rejects.toThrow(/source_tls_failed/);
    rmSync(folder, { recursive: true });
  });
});

describe('the clock', () => {
  const texts = (...values: readonly (string | null)[]) =>
    Buffer.concat([
      tds.columns(values.map((_, at) => [`v${at}`, varchar(20)])),
      tds.compressedRow(...values.map((value) => (value === null ? null : tds.inShort(Buffer.from(value))))),
      tds.done(1),
    ]);

  const clockOf = async (reach: Buffer) => {
    const answer = (sql: string) =>
      sql.includes('SYSUTCDATETIME')
        ? texts('1782907200123', 'READ_ONLY')
        : sql.includes('replica_states')
          ? reach
          : undefined;
    const source = await (await start({ answer })).open();
    try {
      return await source.clock();
    } finally {
      await source.close();
    }
  };

  test('of a readable secondary says how far its data reaches, and never beyond now', async () => {
    expect(await clockOf(texts('1782907100500'))).toBe(1_782_907_099_999);
    expect(await clockOf(texts('1782910000500'))).toBe(1_782_907_200_123);
  });

  test('of a database that does not change, or whose state the user may not see, is the server’s', async () => {
    const none = Buffer.concat([tds.columns([['v0', varchar(20)]]), tds.done(0)]);
    const denied = Buffer.concat([
      tds.errorToken(300, 'VIEW SERVER STATE permission was denied'),
      tds.doneWithError(),
    ]);
    for (const reach of [none, denied]) expect(await clockOf(reach)).toBe(1_782_907_200_123);
  });

  test('of a secondary that does not know is not read, to be tried again', async () => {
    const failure = await failureOf(clockOf(texts(null)));
    expect(failure.code).toBe('source_busy');
    expect(failure.message).toMatch(/readable secondary that does not say how far its data reaches/);
  });
});
