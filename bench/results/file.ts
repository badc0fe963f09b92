import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { Measured } from '../compete.ts';
import { CONTESTANTS } from '../contestants/index.ts';
import type { TableSpec } from '../tables.ts';
import { insideText } from './inside.ts';
import { shown } from './cells.ts';
import { runsInstead } from './runs.ts';
import { COLUMNS, tableText } from './tables.ts';
import { targetsText } from './targets.ts';

interface Results {
  readonly measured: readonly Measured[];
  /** Those that have a section. */
  readonly tables: readonly TableSpec[];
  /** Who could not compete, and why. */
  readonly absent: ReadonlyMap<string, string>;
  readonly rounds: number;
  /** What `npm run bench` was given. */
  readonly commandLine: readonly string[];
  /** The machine's load over the minute before the bench began. */
  readonly loadBefore: number;
  /** Of Rowcast, Temporal and the databases. */
  readonly versions: readonly string[];
  /** What the scenarios say, in Markdown, each from its heading on. */
  readonly sections: readonly string[];
}

/** Writes the results, and shows them. */
export function writeResults(file: string, results: Results): void {
  const { measured, tables } = results;
  const moved = tables.filter((table) =>
    CONTESTANTS.some(({ name }) => runsInstead(measured, name, table).length > 0),
  );
  const parts = [
    `# Results of the bench\n\n${surroundings(results)}`,
    targetsText(measured),
    COLUMNS,
    ...moved.map((table) => tableText(measured, table)),
    insideText(measured),
    ...results.sections,
    contestantsText(results.absent),
  ];
  const text = parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('\n\n');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
  console.log(`\n${text}\n`);
}

function surroundings({ rounds, commandLine, loadBefore, versions }: Results): string {
  const command = ['npm run bench', ...(commandLine.length > 0 ? ['--', ...commandLine] : [])].join(' ');
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GB`;
  const software = ['Node ' + process.version, ...versions, process.platform].join(', ');
  const [loadAfter = NaN] = loadavg();
  const how =
    rounds === 1 ? 'One round.' : `Medians of ${rounds} rounds, in each of which the contestants took turns.`;
  return (
    `\`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${machine}, ${software}. The load was ${shown(loadBefore, 1)} ` +
    `when it began and ${shown(loadAfter, 1)} when it ended, and everything ran on this machine. ${how} Compare within a ` +
    'table only: machines differ and are noisy.'
  );
}

function contestantsText(absent: ReadonlyMap<string, string>): string {
  const lines = CONTESTANTS.map(({ name, how }) => {
    const why = absent.get(name);
    return `- **${name}**: ${how}.${why === undefined ? '' : ` Not measured: ${why}.`}`;
  });
  return `## Contestants

${lines.join('\n')}

All move the rows of the same table into the same receiver (\`bench/receiver.ts\`), a process of its own that counts calls, bytes, requests and distinct messageIds; who lost a row has no figure. How Rowcast’s calls look is checked, too. The scripts, dlt and drt count calls and not bytes: of wide and heavy rows they send larger requests than Customer.io takes, and are allowed to.
`;
}
