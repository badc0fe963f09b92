import mysql from 'mysql2';
import { countOf } from '../sources/countOf.ts';
import type { Contestant } from './contestant.ts';

export const mysql2: Contestant = {
  name: 'mysql2, drained',
  how: 'limit: the stream of `mysql2` with rows as arrays, dropped: as fast as Node has the rows of MariaDB',
  delivers: false,
  rowsMax: { quick: Infinity, full: Infinity },
  canMove: ({ database }) => database === 'mariadb',
  start({ mariadb }) {
    if (typeof mariadb === 'string') return Promise.resolve(mariadb);
    const { host, port, user, password, database } = mariadb;
    return Promise.resolve({
      async run({ query, rows }) {
        const [beginMs, begin] = [performance.now(), process.cpuUsage()];
        const options = { host, port, user, password, database, rowsAsArray: true };
        const connection = mysql.createConnection(options);
        const count = await countOf(connection.query(query).stream({ highWaterMark: 5_000 }));
        connection.destroy();
        const { user: own, system } = process.cpuUsage(begin);
        if (count !== rows) throw new Error(`mysql2 gave ${count} of ${rows} rows`);
        return { ms: performance.now() - beginMs, cpuMs: (own + system) / 1_000, peakMb: null };
      },
    });
  },
};
