import { cameOf, twiceWords } from '../came.ts';
import type { Measured } from '../compete.ts';
import { CONTESTANTS } from '../contestants/index.ts';
import { keyOf, tableWords } from '../tables.ts';
import type { Shape, TableSpec } from '../tables.ts';
import { line, median, oneLine, shown, whole } from './cells.ts';
import { peakOf, rateAgainst, rateOf, ROWS_FOR_CPU, runsInstead } from './runs.ts';

/** What the columns say, once for all tables. */
export const COLUMNS =
  'Behind a name in brackets: it was given so many rows, since all would take too long; or calls came again, with the ' +
  'messageIds that they had. *Against COPY*: its rows ' +
  'a second by those of `COPY` of the whole table, or of the bare driver where the database is another. *Rowcast is ' +
  'faster by*: Rowcast’s rows a second by its, both of as many rows. A script’s seconds are those from the start of its ' +
  'process, of fewer rows a larger share; Rowcast’s worker runs already. *CPU s*, *database CPU s*: of its own process ' +
  `and of the database, for a million rows, from ${whole(ROWS_FOR_CPU)} rows on; a script’s are those of its start too, ` +
  'and for `COPY` and the bare driver, those of a client that drops what comes. *Peak MB*: the most memory of any round, ' +
  'of a worker that has moved rows before.';

/** What else is to be known of a table. */
const NOTES: Readonly<Partial<Record<Shape, string>>> = {
  address:
    'At Customer.io one context holds for a whole batch, so that Rowcast sends each of these calls in a request of its own: ' +
    'its limit of 1,000 requests a second is what decides. The SDKs put them into one batch. ',
};

/** The contestants that moved a table, side by side. */
export function tableText(measured: readonly Measured[], table: TableSpec): string {
  const all = CONTESTANTS.map(({ name }) => ({ name, runs: runsInstead(measured, name, table) }));
  const present = all.filter(({ runs }) => runs.length > 0);
  const rateOfName = (name: string) => rateOf(all.find((each) => each.name === name)?.runs ?? []);
  const limit = rateOfName(table.database === 'mariadb' ? 'mysql2, drained' : 'COPY, drained');
  return `## ${tableWords(table)}

${NOTES[table.shape] ?? ''}The load was ${loadWords(measured, table)}.

| | rows/s | against COPY | Rowcast is faster by | CPU s | database CPU s | peak MB | requests | MB sent |
| --- | --: | --: | --: | --: | --: | --: | --: | --: |
${present.map(({ name, runs }) => lineOf(name, runs, table, { limit, faster: rateAgainst(measured, name, table) })).join('\n')}
`;
}

function lineOf(
  name: string,
  runs: readonly Measured[],
  { rows }: TableSpec,
  { limit, faster }: { readonly limit: number; readonly faster: number },
): string {
  const moved = runs[0]?.table.rows ?? rows;
  const asides = [moved === rows ? null : `${whole(moved)} rows`, twiceWords(twiceOf(runs))];
  const aside = asides.filter((words) => words !== null).join(', ');
  const title = aside === '' ? name : `${name} (${aside})`;
  const bad = runs.find(({ wrong }) => wrong !== null);
  if (bad !== undefined)
    return line([title, `none: ${oneLine(bad.wrong ?? '')}`, ...Array<string>(7).fill('')]);
  const rate = rateOf(runs);
  const perMillion = (valueOf: (run: Measured) => number | null) =>
    moved < ROWS_FOR_CPU ? '' : shown(median(runs.map((run) => (valueOf(run) ?? NaN) / moved)) * 1_000, 1);
  const isFaster = name !== 'Rowcast' && Number.isFinite(faster);
  return line([
    title,
    whole(rate),
    shown(rate / limit, 2),
    isFaster ? `${shown(faster, 1)} ×` : '',
    perMillion(({ figures }) => figures?.cpuMs ?? null),
    perMillion(({ databaseCpuMs }) => databaseCpuMs),
    whole(peakOf(runs)),
    whole(median(runs.map(({ counts }) => counts?.requests ?? NaN))),
    shown(median(runs.map(({ counts }) => (counts?.bytes ?? NaN) / 1e6)), 1),
  ]);
}

/** How many calls came again, in all rounds. */
function twiceOf(runs: readonly Measured[]): number {
  return runs.reduce(
    (sum, { counts, table }) => sum + (counts === null ? 0 : cameOf(table.rows, counts).twice),
    0,
  );
}

/** The load when the table's turn began and when it ended, in each round. */
function loadWords(measured: readonly Measured[], table: TableSpec): string {
  const here = measured.filter((each) => keyOf(each.table) === keyOf(table));
  const rounds = [...new Set(here.map(({ round }) => round))];
  const words = rounds.map((number) => {
    const loads = here.filter(({ round }) => round === number).map(({ load }) => load);
    return `${shown(loads[0]?.[0] ?? NaN, 1)} before and ${shown(loads.at(-1)?.[1] ?? NaN, 1)} after`;
  });
  return words.join(', then ');
}
