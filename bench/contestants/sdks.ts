import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../errors.ts';
import { runScript } from '../processes.ts';
import type { Bench, Competitor, Contestant } from './contestant.ts';
import type { TableSpec } from '../tables.ts';
import { scriptEnv } from './contestant.ts';

const CUSTOMERIO = '@customerio/cdp-analytics-node@0.5.9';
const SEGMENT = '@segment/analytics-node@3.1.0';

/** Installed below `.rowcast`, since Rowcast itself needs none of them. */
const PACKAGES = [CUSTOMERIO, SEGMENT, 'pg@8.23.1', 'pg-query-stream@4.17.0'];

const INSTALL_MS_MAX = 120_000;

const ROWS_MAX = { quick: 20_000, full: 1_000_000, wide: 20_000 };

/** A context, too. */
const canMove = ({ database, rows }: TableSpec) => database === 'postgres' && rows > 0;

export const customerioSdk: Contestant = {
  name: 'a script on @customerio/cdp-analytics-node',
  how: `${CUSTOMERIO}, fed from a query stream, 800 calls a batch, at most 5,000 under way; from the start of Node to its end`,
  delivers: true,
  rowsMax: ROWS_MAX,
  canMove,
  start: (bench) => sdkScript(bench, 'customerio.mjs'),
};

export const segmentSdk: Contestant = {
  name: 'a script on @segment/analytics-node',
  how: `${SEGMENT}, in the same script`,
  delivers: true,
  rowsMax: ROWS_MAX,
  canMove,
  start: (bench) => sdkScript(bench, 'segment.mjs'),
};

/** Once for both scripts. */
let installing: Promise<void> | undefined;

/** The script runs beside its packages, as it would in a folder of its own. */
async function sdkScript(bench: Bench, file: string): Promise<Competitor | string> {
  const folder = join(bench.packages, 'sdks');
  try {
    await (installing ??= install(folder));
  } catch (error) {
    return `npm could not install its packages: ${messageOf(error)}`;
  }
  const script = join(folder, file);
  copyFileSync(join(import.meta.dirname, '..', 'scripts', file), script);
  return {
    run: (table) => runScript(process.execPath, [script], { env: scriptEnv(bench, table), cwd: folder }),
  };
}

async function install(folder: string): Promise<void> {
  const stamp = join(folder, 'installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === PACKAGES.join('\n')) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const options = [
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--save-exact',
    '--fetch-retries=1',
  ];
  await promisify(execFile)('npm', [...options, ...PACKAGES], { cwd: folder, timeout: INSTALL_MS_MAX });
  writeFileSync(stamp, PACKAGES.join('\n'));
}
