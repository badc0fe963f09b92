import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Contestant, Figures } from './contestants/contestant.ts';
import { CONTESTANTS } from './contestants/index.ts';
import type { Counts } from './received.ts';
import { SHAPE_WORDS } from './tables.ts';
import type { BenchTable, Shape } from './tables.ts';

/** One contestant with one table, once. */
export interface Measured {
  readonly contestant: Contestant;
  readonly table: BenchTable;
  /** The table in whose place this one stands, where the contestant is too slow for it. */
  readonly insteadOf: BenchTable;
  /** Null where it failed. */
  readonly figures: Figures | null;
  readonly counts: Counts | null;
  readonly databaseCpuMs: number | null;
  /** Why it has no figure, or null. */
  readonly wrong: string | null;
}

interface Results {
  readonly measured: readonly Measured[];
  /** Who could not compete, and why. */
  readonly absent: ReadonlyMap<string, string>;
  readonly rounds: number;
  readonly isQuick: boolean;
}

const FILE = join(import.meta.dirname, 'RESULTS.md');

/** What fewer rows cost is mostly the start of the process. */
const ROWS_FOR_CPU = 20_000;

/** What a worker may have more at ten times the rows, of all that is noise: a collection of garbage later, say. */
const GROWTH_MAX = 1.3;

/** Says so where Rowcast took more memory for more rows; null where it did not. */
export function memoryGrowth(measured: readonly Measured[]): string | null {
  const peakOf = (rows: number) => {
    const peaks = of(measured, 'Rowcast', 'narrow', rows).map(({ figures }) => figures?.peakMb ?? 0);
    return peaks.length === 0 ? 0 : Math.min(...peaks.filter((peak) => peak > 0));
  };
  const [small, large] = [peakOf(100_000), peakOf(1_000_000)];
  if (!(small > 0) || !(large > small * GROWTH_MAX)) return null;
  return `Rowcast's worker took ${Math.round(large)} MB for 1,000,000 rows, and ${Math.round(small)} MB for 100,000`;
}

/** Writes bench/RESULTS.md. */
export function writeResults({ measured, absent, rounds, isQuick }: Results): void {
  const tables = [
    ...new Map(measured.map(({ insteadOf: table }) => [`${table.shape} ${table.rows}`, table])).values(),
  ];
  const [cpu] = cpus();
  const text = `# Results of the bench

\`npm run bench${isQuick ? ' -- --quick' : ''}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpu?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}, ${process.platform}; the load was ${loadavg()[0]?.toFixed(1) ?? '?'} at the end, and everything ran on this machine. ${rounds === 1 ? 'One round.' : `Medians of ${rounds} rounds, in which the contestants took turns.`} Compare within a table only: machines differ and are noisy.

${tables
  .filter(({ rows }) => rows > 0)
  .map((table) => tableText(measured, table))
  .join('\n')}
${engineText(measured)}
## Contestants

${CONTESTANTS.map(({ name, how }) => `- **${name}**: ${how}.${absentText(absent.get(name))}`).join('\n')}

All move the rows of the same table into the same receiver (\`bench/receiver.ts\`), a process of its own that counts calls, bytes, requests and distinct messageIds; who lost a row has no figure. CPU is that of the contestant's own process, for a million rows; for \`COPY\`, that of the client which drops the bytes.
`;
  writeFileSync(FILE, text);
  console.log(`\n${text}`);
}

function absentText(why: string | undefined): string {
  return why === undefined ? '' : ` Not measured: ${why}.`;
}

function of(measured: readonly Measured[], name: string, shape: Shape, rows: number): Measured[] {
  return measured.filter(
    ({ contestant, table }) => contestant.name === name && table.shape === shape && table.rows === rows,
  );
}

function tableText(measured: readonly Measured[], { shape, rows }: BenchTable): string {
  const here = measured.filter(({ insteadOf }) => insteadOf.shape === shape && insteadOf.rows === rows);
  const rateOf = (name: string) =>
    median(here.filter(({ contestant }) => contestant.name === name).map(rateOfRun));
  const [copied, ours] = [rateOf('COPY, drained'), rateOf('Rowcast')];
  const names = [...new Set(here.map(({ contestant }) => contestant.name))];
  const lines = names.map((name) => {
    const runs = here.filter(({ contestant }) => contestant.name === name);
    const moved = runs[0]?.table.rows ?? rows;
    const title = moved === rows ? name : `${name} (${moved.toLocaleString('en-US')} rows)`;
    const bad = runs.find(({ wrong }) => wrong !== null);
    if (bad !== undefined) return `| ${title} | none: ${oneLine(bad.wrong ?? '')} | | | | | | | |`;
    const rate = rateOf(name);
    const perMillion = (value: (run: Measured) => number | null) =>
      moved < ROWS_FOR_CPU ? '' : shown(median(runs.map((run) => ((value(run) ?? NaN) / moved) * 1_000)), 1);
    const cells = [
      whole(rate),
      shown(rate / copied, 2),
      name === 'Rowcast' || !Number.isFinite(ours / rate) ? '' : `${shown(ours / rate, 1)} ×`,
      perMillion(({ figures }) => figures?.cpuMs ?? null),
      perMillion(({ databaseCpuMs }) => databaseCpuMs),
      whole(Math.max(...runs.map(({ figures }) => figures?.peakMb ?? NaN))),
      whole(median(runs.map(({ counts }) => counts?.requests ?? NaN))),
      whole(median(runs.map(({ counts }) => (counts?.bytes ?? NaN) / 1e6))),
    ];
    return `| ${title} | ${cells.join(' | ')} |`;
  });
  return `## ${rows.toLocaleString('en-US')} rows, ${SHAPE_WORDS[shape]}

| | rows/s | against COPY | Rowcast is faster by | CPU s | database CPU s | peak MB | requests | MB sent |
| --- | --: | --: | --: | --: | --: | --: | --: | --: |
${lines.join('\n')}
`;
}

function rateOfRun({ figures, table }: Measured): number {
  return figures === null ? NaN : (table.rows / figures.ms) * 1_000;
}

/** What only Rowcast has: stages, history. */
function engineText(measured: readonly Measured[]): string {
  const mine = measured.filter(({ contestant, wrong }) => contestant.name === 'Rowcast' && wrong === null);
  const keys = [...new Set(mine.map(({ table }) => `${table.shape} ${table.rows}`))];
  const lines = keys.map((key) => {
    const runs = mine.filter(({ table }) => `${table.shape} ${table.rows}` === key);
    const rows = runs[0]?.table.rows ?? 0;
    const shape = runs[0]?.table.shape ?? 'narrow';
    const more = (name: string) => median(runs.map(({ figures }) => figures?.more?.[name] ?? NaN));
    const beyondMs = median(
      runs.map(({ figures }) => (figures?.ms ?? NaN) - (figures?.more?.['waitMs'] ?? 0)),
    );
    const posted = median(
      of(measured, 'prepared batches, posted', shape, rows).map(({ figures }) => figures?.ms ?? NaN),
    );
    const cells = [
      `${rows.toLocaleString('en-US')}, ${shape}`,
      shown(beyondMs / 1_000, 2),
      whole((rows / more('extractMs')) * 1_000),
      whole((rows / more('deliverMs')) * 1_000),
      shown(posted / more('deliverMs'), 2),
      whole(more('events')),
      whole(more('historyBytes') / 1_000),
      whole(more('activities')),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return `## Inside Rowcast

A run waits for the end of the second in which it began, half a second on average; that is not counted here.

| rows | s | read and staged, rows/s | delivered, rows/s | against posting | history events | KB of history | activities |
| --- | --: | --: | --: | --: | --: | --: | --: |
${lines.join('\n')}
`;
}

function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '';
}

function shown(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '/').slice(0, 120);
}
