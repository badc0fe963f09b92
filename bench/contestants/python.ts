import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pythonWith } from '../../test/python.ts';
import { runScript } from '../processes.ts';
import type { Bench, Contestant } from './contestant.ts';
import { scriptEnv } from './contestant.ts';
import type { BenchTable } from '../tables.ts';

const [DLT, DRT] = ['1.31.0', '1.2.1'];

const INSTALL = { timeoutMs: 120_000 };

export const dlt: Contestant = {
  name: 'dlt',
  how: `dlt ${DLT} from PyPI: its \`sql_table\` with the ConnectorX backend, a stream of Arrow, Parquet files of 25,000 rows between the stages, a destination function that posts 1,800 calls at a time, up to four load jobs side by side; from the start of Python to its end`,
  delivers: true,
  rowsMax: { quick: 100_000, full: 1_000_000, wide: 20_000 },
  async start(bench) {
    const packages = [
      `dlt==${DLT}`,
      'psycopg2-binary==2.9.13',
      'sqlalchemy==2.1.9',
      'requests==2.34.2',
      'pyarrow==26.0.1',
      'connectorx==0.4.6',
    ];
    const found = await pythonWith('bench-dlt', packages, INSTALL);
    if (typeof found === 'string') return found;
    const script = join(import.meta.dirname, '..', 'scripts', 'dlt_batches.py');
    const cwd = folderOf(bench, 'dlt');
    const settings = {
      HOME: cwd,
      RUNTIME__DLTHUB_TELEMETRY: 'false',
      DATA_WRITER__FILE_MAX_ITEMS: '25000',
    };
    return {
      run: (table) =>
        runScript(found.python, [script], { env: { ...scriptEnv(bench, table), ...settings }, cwd }),
    };
  },
};

export const drt: Contestant = {
  name: 'drt',
  how: `drt-core ${DRT} from PyPI: its PostgreSQL source, its REST destination in batches of 1,000; from the start of Python to its end`,
  delivers: true,
  rowsMax: { quick: 20_000, full: 50_000 },
  async start(bench) {
    const found = await pythonWith('bench-drt', [`drt-core[postgres]==${DRT}`], INSTALL);
    if (typeof found === 'string') return found;
    const program = join(dirname(found.python), 'drt');
    const cwd = folderOf(bench, 'drt');
    return {
      run(table) {
        describe(cwd, bench, table);
        const env = { ...scriptEnv(bench, table), HOME: cwd, BENCH_PASSWORD: bench.postgres.password };
        return runScript(program, ['run', '--select', 'bench'], { env, cwd });
      },
    };
  },
};

function folderOf({ folder }: Bench, name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Each call in the form that the receiver takes; drt renders a template for a batch. */
const BATCH = `{"batch":[{% for row in rows %}{"messageId":"drt-{{ row.userId }}","type":"identify","userId":"{{ row.userId }}","traits":{{ row | tojson_safe }}}{% if not loop.last %},{% endif %}{% endfor %}]}`;

/** What drt has to be told in files; JSON is YAML. */
function describe(folder: string, { postgres, receiver }: Bench, { query }: BenchTable): void {
  const { host, port, user } = postgres;
  const profile = { type: 'postgres', host, port, dbname: 'postgres', user, password_env: 'BENCH_PASSWORD' };
  const destination = {
    type: 'rest_api',
    url: `${receiver}/v1/batch`,
    headers: { 'content-type': 'application/json' },
    body_mode: 'batch',
    batch_template: BATCH,
    rate_limit: { requests_per_second: 1_000 },
  };
  const sync = { mode: 'full', batch_size: 1_000, on_error: 'fail' };
  for (const below of ['.drt', 'syncs']) mkdirSync(join(folder, below), { recursive: true });
  const write = (file: string, value: unknown) => writeFileSync(join(folder, file), JSON.stringify(value));
  write('drt_project.yml', { name: 'bench', profile: 'default' });
  write('.drt/profiles.yml', { default: { ...profile, fetch_size: 5_000 } });
  write('syncs/bench.yml', { name: 'bench', model: query, destination, sync });
}
