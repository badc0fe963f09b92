import mysql from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replicaQuery, secondsBehind } from '../../connectors/mysql/replica.ts';
import { startMariadb } from '../mariadb.ts';
import type { RunningMariadb } from '../mariadb.ts';
import { createMysqlDatabase, MARIADB } from './mysqlDatabase.ts';
import type { MysqlDatabase } from './mysqlDatabase.ts';
import { failureOf } from './request.ts';

const DELAY_SECONDS = 4;

test('each server is asked in the words of its version what it replicates', () => {
  expect(replicaQuery('10.11.19-MariaDB-0+deb12u1')).toBe('SHOW ALL SLAVES STATUS');
  expect(replicaQuery('5.7.44-log')).toBe('SHOW SLAVE STATUS');
  expect(replicaQuery('8.0.21')).toBe('SHOW SLAVE STATUS');
  expect(replicaQuery('8.0.22')).toBe('SHOW REPLICA STATUS');
  expect(replicaQuery('8.4.3-commercial')).toBe('SHOW REPLICA STATUS');
});

test('of several sources the one that is furthest behind counts', () => {
  expect(secondsBehind([])).toBe('none');
  expect(secondsBehind([{ Seconds_Behind_Master: 3n }, { Seconds_Behind_Master: '70' }])).toBe(70);
  expect(secondsBehind([{ Seconds_Behind_Source: 0 }, { Seconds_Behind_Source: null }])).toBe('unknown');
});

async function connectTo({ host, port, user, password }: RunningMariadb): Promise<Connection> {
  return mysql.createConnection({ host, port, user, password });
}

describe.skipIf(MARIADB.server === null)(`${MARIADB.name} that is a replica`, () => {
  let primary: RunningMariadb;
  let replica: RunningMariadb;
  let onPrimary: Connection;
  let database: MysqlDatabase;

  beforeAll(async () => {
    const started = await Promise.all([
      startMariadb(['--server-id=1', '--log-bin=binlog']),
      startMariadb(['--server-id=2']),
    ]);
    [primary, replica] = started as [RunningMariadb, RunningMariadb];
    onPrimary = await connectTo(primary);
    database = await createMysqlDatabase(replica, 1);
    await database.admin.query(
      `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${primary.port}, MASTER_USER='${primary.user}',
        MASTER_PASSWORD='${primary.password}', MASTER_SSL=0, MASTER_DELAY=${DELAY_SECONDS}, MASTER_USE_GTID=slave_pos`,
    );
    await database.admin.query('START SLAVE');
  });

  afterAll(async () => {
    await onPrimary.end();
    await database.drop();
    await primary.stop();
    await replica.stop();
  });

  async function clock(): Promise<number> {
    const source = await database.open();
    try {
      return await source.clock();
    } finally {
      await source.close();
    }
  }

  test('says how far its data reaches, where the user may ask for it', async () => {
    expect(Math.abs((await clock()) - Date.now())).toBeLessThan(10_000); // Without the right: the server's clock.
    await database.admin.query(`GRANT SLAVE MONITOR ON *.* TO ${database.reader}@'%'`);
    await onPrimary.query('CREATE DATABASE arriving');
    await onPrimary.query('CREATE TABLE arriving.moments (at timestamp(6))');
    // Never later than the newest row that has arrived, however often one asks.
    for (let asked = 0; asked < 8; asked += 1) {
      await onPrimary.query('INSERT INTO arriving.moments VALUES (NOW(6))');
      const reaches = await clock();
      expect(reaches).toBeLessThan(Date.now());
      expect(reaches % 1_000).toBe(999);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    expect(await clock()).toBeLessThan(Date.now() - (DELAY_SECONDS - 1) * 1_000);
  });

  test('is refused, to be tried again, while it does not replicate', async () => {
    await database.admin.query('STOP SLAVE');
    const failure = await failureOf(clock());
    await database.admin.query('START SLAVE');
    expect(failure.code).toBe('source_busy');
    expect(failure.message).toMatch(/replica that does not replicate now.*RESET REPLICA ALL/);
    expect(failure.retryable).toBe(true);
  });
});
