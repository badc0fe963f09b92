import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { to as copyTo } from 'pg-copy-streams';
import { connectTo } from '../../dev/postgres.ts';
import type { Contestant } from './contestant.ts';

export const copy: Contestant = {
  name: 'COPY, drained',
  how: 'limit: `COPY (SELECT row_to_json …) TO STDOUT`, its output dropped: as fast as PostgreSQL hands out JSON',
  delivers: false,
  rowsMax: { quick: Infinity, full: Infinity },
  canMove: ({ database, rows }) => database === 'postgres' && rows > 0,
  async start({ postgres }) {
    const sql = await connectTo(postgres);
    return {
      async run({ query, rows }) {
        const [beginMs, begin] = [performance.now(), process.cpuUsage()];
        const drain = new Writable({ write: (_chunk, _encoding, done) => done() });
        const copied = sql.query(copyTo(`COPY (SELECT row_to_json(q) FROM (${query}) q) TO STDOUT`));
        await pipeline(copied, drain);
        const { user, system } = process.cpuUsage(begin);
        if (copied.rowCount !== rows) throw new Error(`COPY gave ${copied.rowCount} of ${rows} rows`);
        return { ms: performance.now() - beginMs, cpuMs: (user + system) / 1_000, peakMb: null };
      },
      stop: () => sql.end(),
    };
  },
};
