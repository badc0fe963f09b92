import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { openPostgres } from '../../connectors/postgres/source.ts';
import type { QueryRequest, Source } from '../../connectors/source.ts';
import { generateKeyPair } from '../../tunnel/key.ts';
import { SharedTunnels } from '../../tunnel/shared.ts';
import { openThroughTunnel } from '../../tunnel/source.ts';
import { PASSWORD } from '../connectors/postgresDatabase.ts';
import { failureOf, request as queryRequest } from '../connectors/request.ts';
import { openRoom } from '../extraction/room.ts';
import type { Room } from '../extraction/room.ts';
import { startSshd } from '../sshd.ts';
import type { Sshd } from '../sshd.ts';

/* What a query returns through a tunnel is what it returns without one. */

const found = inject('sshd');
const name = typeof found === 'string' ? `a result through a tunnel (${found})` : 'a result through a tunnel';

describe.skipIf(typeof found === 'string')(name, () => {
  const pair = generateKeyPair('rowcast integration shop');
  let sshd: Sshd;
  let room: Room;
  let source: Source;

  beforeAll(async () => {
    if (typeof found === 'string') return;
    sshd = await startSshd(found.path);
    sshd.authorize(`restrict,port-forwarding ${pair.publicKey}`);
    await sshd.stop();
    room = await openRoom();
  });

  beforeEach(async () => {
    await sshd.start();
    source = await open((direct) => direct);
  });

  afterEach(async () => {
    await source.close();
    await sshd.stop();
  });

  afterAll(async () => {
    await room[Symbol.asyncDispose]();
    await sshd.remove();
  });

  function open(within: (source: Source) => Source): Promise<Source> {
    const { signal } = new AbortController();
    const tunnel = {
      config: { host: '127.0.0.1', port: sshd.port, user: sshd.user, hostKey: sshd.hostKey },
      privateKey: pair.privateKey,
      to: inject('postgres'),
    };
    return openThroughTunnel(new SharedTunnels(), tunnel, signal, async (at) =>
      within(await openPostgres(room.database.config(), () => Promise.resolve(PASSWORD), signal, at)),
    );
  }

  /** The source, of which nobody may read rows as values. */
  const bytesOnly = (whole: Source): Source => ({
    clock: () => whole.clock(),
    close: () => whole.close(),
    async query(request: QueryRequest) {
      const pages = {
        [Symbol.asyncIterator]: () => {
          throw new Error('the rows were read as values');
        },
      };
      return { ...(await whole.query(request)), pages };
    },
  });

  test('is read as the bytes in which it came, and becomes the same calls', async () => {
    const people = `SELECT 'user-' || n % 40 AS "userId", n AS number, E'two\\nlines 🎈' AS note
      FROM generate_series(1, 5000) AS n`;
    const [direct, tunnelled] = [
      await room.extract(people),
      await room.extract(people, { source: bytesOnly(source) }),
    ];
    expect(await room.calls(tunnelled)).toEqual(await room.calls(direct));
    expect(tunnelled.manifest.rows).toBe(5_000);
  });

  test('of an earlier query says that it is one', async () => {
    const again = await open((direct) => ({
      clock: () => direct.clock(),
      close: () => direct.close(),
      query: async (request) => ({ ...(await direct.query(request)), isResumed: true }),
    }));
    const { pages, isResumed } = await again.query(queryRequest('SELECT 1'));
    expect(await Array.fromAsync(pages)).toEqual([[['1']]]);
    expect(isResumed).toBe(true);
    await again.close();
  });

  test('that is lost because the tunnel broke says so, where its bytes are read', async () => {
    const sql = 'SELECT n, pg_sleep(CASE WHEN n > 100 THEN 60 ELSE 0 END) FROM generate_series(1, 200) AS n';
    const { encoded } = await source.query(queryRequest(sql, { pageRows: 100 }));
    const reading = failureOf(Array.fromAsync(encoded?.pages ?? []));
    await sshd.stop();
    expect(await reading).toMatchObject({ code: 'tunnel_broken', retryable: true });
  });
});
