import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { loadSource, SOURCES } from './sources/contestant.ts';
import type { Contestant, SourceName } from './sources/contestant.ts';
import type { Reading } from './sources/reading.ts';

/*
 * npm run bench:sources [-- --rows N --runs N --only NAME]: what each connector costs beside the bare driver that
 * drains the same query of ten columns, in turn, each time in a process of its own. Rows a second count the process
 * from its first line to its last row, and medians are told.
 */

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', multiple: true, default: [...SOURCES] },
  },
});
const rows = Number(values.rows);
const runs = Number(values.runs);

for (const name of SOURCES.filter((each) => values.only.includes(each))) {
  const contestant = await (await loadSource(name)).start(rows);
  if (typeof contestant === 'string') {
    console.log(`${name}: skipped, ${contestant}`);
    continue;
  }
  try {
    await compare(name, contestant);
  } finally {
    await contestant.stop();
  }
}
process.exit(0);

async function compare(name: SourceName, contestant: Contestant): Promise<void> {
  const readings: Record<'driver' | 'rowcast', Reading[]> = { driver: [], rowcast: [] };
  for (let run = 0; run < runs; run += 1) {
    for (const how of ['driver', 'rowcast'] as const) readings[how].push(await read(how, name, contestant));
  }
  const [driver, rowcast] = [perSecond(readings.driver), perSecond(readings.rowcast)];
  const told = (rate: number, of: Reading[]) =>
    `${Math.round(rate).toLocaleString('en-US')} rows/s, at most ${Math.max(...of.map(({ peakMb }) => Math.round(peakMb)))} MB`;
  console.log(
    `${name} (${contestant.server}): driver ${told(driver, readings.driver)}; ` +
      `Rowcast ${told(rowcast, readings.rowcast)}; ratio ${(rowcast / driver).toFixed(2)}; ` +
      `load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
  );
}

async function read(
  how: 'driver' | 'rowcast',
  name: SourceName,
  { config, password, sql }: Contestant,
): Promise<Reading> {
  const script = join(import.meta.dirname, 'sources', 'reading.ts');
  const task = JSON.stringify({ config, password, sql });
  const { stdout } = await promisify(execFile)(process.execPath, [script, how, name, task]);
  const reading = JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1)) as Reading;
  if (reading.rows !== rows) throw new Error(`${how} read ${reading.rows} of ${rows} rows of ${name}`);
  return reading;
}

function perSecond(readings: readonly Reading[]): number {
  const rates = readings.map(({ ms }) => (rows / ms) * 1_000).sort((a, b) => a - b);
  return rates[Math.floor(rates.length / 2)] ?? 0;
}
