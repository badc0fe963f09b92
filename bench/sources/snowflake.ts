import snowflake from 'snowflake-sdk';
import type { SnowflakeConfig } from '../../connectors/snowflake/config.ts';
import { createSnowflakeDatabase, peerAccount } from '../../test/connectors/snowflakeDatabase.ts';
import type { Contestant, Task } from './contestant.ts';
import { countOf } from './countOf.ts';

export async function start(rows: number): Promise<Contestant | string> {
  const account = await peerAccount();
  const { peer } = account;
  if (account.account === null || peer === null) return account.name;
  const database = await createSnowflakeDatabase(account, rows);
  return {
    server: 'a stand-in for Snowflake (fakesnow)',
    config: database.config(),
    password: account.account.password,
    sql: `SELECT n AS id, 'person' || n || '@example.com' AS email, 'First' || n % 1000 AS first_name,
      'Last' || n % 7919 AS last_name, 'basic' AS plan, n % 365 AS visits,
      (n % 100000)::NUMBER(20, 2) / 100 AS spent, n % 2 = 0 AS is_active,
      DATEADD(second, n, '2020-01-01'::TIMESTAMP_NTZ) AS created_at,
      CASE WHEN n % 5 = 0 THEN 'Wrote "hello" to us' END AS note FROM numbers`,
    async stop() {
      await database.drop();
      await peer.stop();
    },
  };
}

/** `snowflake-sdk` with a streamed result. */
export async function drain({ config, password, sql }: Task): Promise<number> {
  const { account, url, user, warehouse, database, schema } = config as SnowflakeConfig;
  snowflake.configure({ logLevel: 'OFF' });
  const connection = snowflake.createConnection({
    ...{ account, username: user, password, warehouse, database, schema },
    ...(url !== undefined && { accessUrl: url }),
  });
  await connection.connectAsync(() => undefined);
  const statement = await new Promise<snowflake.RowStatement>((resolve, reject) => {
    const complete: snowflake.StatementCallback = (error, answered) =>
      error ? reject(error) : resolve(answered);
    connection.execute({ sqlText: sql, streamResult: true, complete });
  });
  return await countOf(statement.streamRows());
}
