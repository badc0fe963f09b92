import { randomBytes } from 'node:crypto';
import { SnowflakeConfig } from '../../connectors/snowflake/config.ts';
import { loadDriver } from '../../connectors/snowflake/driver.ts';
import { openSnowflake } from '../../connectors/snowflake/source.ts';
import { execute } from '../../connectors/snowflake/statements.ts';
import { ResultReader } from '../../connectors/snowflake/reader.ts';
import type { Row, Source } from '../../connectors/source.ts';
import { startSnowflakePeer } from './snowflakePeer.ts';
import type { SnowflakePeer } from './snowflakePeer.ts';

export const PASSWORD = 'reader pass/wörd-7c1';

/** Fields of a configuration that say where to sign in, and the password. */
interface Account {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly password: string;
}

/** An account that tests run against, or why they cannot. */
export interface AccountOrReason {
  readonly name: string;
  readonly account: Account | null;
  /** Where the account is a stand-in. */
  readonly peer: SnowflakePeer | null;
}

/** The stand-in, which is started for the tests of a file. */
export async function peerAccount(): Promise<AccountOrReason> {
  const peer = await startSnowflakePeer();
  if (typeof peer === 'string') {
    process.stderr.write(`Tests that need a peer of Snowflake are skipped: ${peer}\n`);
    return { name: `a Snowflake source (${peer})`, account: null, peer: null };
  }
  const fields = { account: 'acme-shop', url: peer.url, warehouse: 'WH', database: 'SHOP' };
  return { name: 'a Snowflake source', account: { fields, password: PASSWORD }, peer };
}

/** One's own: `snowflake://user:password@account/DATABASE?warehouse=WH&role=R`, of a user who may create schemas there. */
export function ownAccount(): AccountOrReason {
  const text = process.env['ROWCAST_TEST_SNOWFLAKE_URL'] ?? '';
  if (text === '') {
    const name = 'a Snowflake source of one’s own (ROWCAST_TEST_SNOWFLAKE_URL is not set)';
    return { name, account: null, peer: null };
  }
  const { hostname, username, password, pathname, searchParams } = new URL(text);
  const fields = {
    account: hostname,
    user: decodeURIComponent(username),
    database: pathname.slice(1),
    ...Object.fromEntries(searchParams),
  };
  const account = { fields, password: decodeURIComponent(password) };
  return { name: 'a Snowflake source of one’s own', account, peer: null };
}

/** A schema of a test's own, in an account that others may share. */
export interface SnowflakeDatabase {
  readonly user: string;
  /** A configuration for it, with fields that differ. */
  config(fields?: Readonly<Record<string, unknown>>): SnowflakeConfig;
  open(fields?: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Source>;
  /** Runs any statement. */
  run(sql: string): Promise<Row[]>;
  drop(): Promise<void>;
}

/** @param numbers how many rows, from 1 on, the table `numbers` has. */
export async function createSnowflakeDatabase(
  { account, peer }: AccountOrReason,
  numbers: number,
): Promise<SnowflakeDatabase> {
  if (account === null) throw new Error('there is no account');
  const schema = `ROWCAST_${randomBytes(4).toString('hex').toUpperCase()}`;
  const user = peer === null ? String(account.fields['user']) : `R_${schema}`;
  await peer?.addUser(user, { password: account.password });
  await peer?.addUser('ADMIN', { password: account.password });
  const config = (fields: Readonly<Record<string, unknown>> = {}) =>
    SnowflakeConfig.parse({
      ...{ kind: 'snowflake', user, password: { secret: 'reader' }, schema },
      ...account.fields,
      ...fields,
    });
  const { url, ...rest } = config();
  const admin = loadDriver().createConnection({
    ...{ ...rest, schema: 'PUBLIC', password: account.password },
    ...(url !== undefined && { accessUrl: url }),
    username: peer === null ? user : 'ADMIN',
  });
  await new Promise<void>((resolve, reject) => admin.connect((error) => (error ? reject(error) : resolve())));
  const run = async (sql: string) => {
    const { context, result } = await execute(admin, sql);
    return await new ResultReader(context, result).read(100_000);
  };
  await run(`CREATE SCHEMA ${schema}`);
  await run(`CREATE TABLE ${schema}.numbers (n NUMBER(38, 0))`);
  await run(`INSERT INTO ${schema}.numbers VALUES (1)`);
  for (let rows = 1; rows < numbers; rows *= 2) {
    const half = `SELECT n + ${rows} FROM ${schema}.numbers WHERE n + ${rows} <= ${numbers}`;
    await run(`INSERT INTO ${schema}.numbers ${half}`);
  }
  return {
    ...{ user, config, run },
    open: (fields, signal = new AbortController().signal) =>
      openSnowflake(config(fields), () => Promise.resolve(account.password), signal),
    async drop() {
      await run(`DROP SCHEMA ${schema} CASCADE`);
      await new Promise<void>((resolve) => admin.destroy(() => resolve()));
    },
  };
}
