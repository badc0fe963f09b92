import type { Measured } from '../compete.ts';
import { posting } from '../contestants/posting.ts';
import { rowcast } from '../contestants/rowcast.ts';
import { keyOf, tableWords } from '../tables.ts';
import { line, shown, whole } from './cells.ts';
import { beyondWaitOf, engineOf, msOf, peakOf, runsOf } from './runs.ts';

/** What only Rowcast has: stages, history, chunks. */
export function insideText(measured: readonly Measured[]): string {
  const ours = measured.filter(({ contestant }) => contestant === rowcast);
  const tables = [...new Map(ours.map(({ table }) => [keyOf(table), table])).values()];
  if (tables.length === 0) return '';
  const lines = tables.map((table) => {
    const runs = runsOf(ours, rowcast.name, table);
    const posted = runsOf(measured, posting.name, table);
    const rateOfStage = (ms: number) => (table.rows === 0 ? '' : whole((table.rows / ms) * 1_000));
    const deliverMs = engineOf(runs, (figures) => figures.deliverMs);
    return line([
      tableWords(table),
      shown(beyondWaitOf(runs), 2),
      rateOfStage(engineOf(runs, ({ extractMs }) => extractMs)),
      rateOfStage(deliverMs),
      shown(msOf(posted) / deliverMs, 2),
      shown(engineOf(runs, ({ stagedBytes }) => stagedBytes) / 1e6, 1),
      whole(peakOf(runs)),
      shown(engineOf(runs, ({ serverCpuMs }) => serverCpuMs) / 1_000, 1),
      whole(engineOf(runs, ({ activities }) => activities)),
      whole(engineOf(runs, ({ events }) => events)),
      shown(engineOf(runs, ({ historyBytes }) => historyBytes) / 1_000, 1),
    ]);
  });
  return `## Inside Rowcast

From when a run is asked for to the end of its workflow, without its wait for the end of the second in which it began, half a second on average. *Against posting*: how long the prepared batches take to be posted, by how long the delivery takes.

| | s | read and staged, rows/s | delivered, rows/s | against posting | MB staged | peak MB | CPU s of Temporal’s server | activities | history events | KB of history |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
${lines.join('\n')}
`;
}
