import { openSource } from '../../connectors/open.ts';
import { loadSource } from './contestant.ts';
import type { SourceName, Task } from './contestant.ts';

/** What one reading of a query took, in a process of its own. */
export interface Reading {
  readonly rows: number;
  readonly ms: number;
  /** The most memory that the process had, in MB. */
  readonly peakMb: number;
}

/** As a worker reads: its default for the rows of a page. */
const PAGE_ROWS = 5_000;

/** Drains a query as Rowcast's connector reads it, without mapping. */
async function drainByConnector({ config, password, sql }: Task): Promise<number> {
  const { signal } = new AbortController();
  const source = await openSource(config, () => Promise.resolve(password), signal);
  const { pages } = await source.query({ sql, pageRows: PAGE_ROWS, signal });
  let rows = 0;
  for await (const page of pages) rows += page.length;
  await source.close();
  return rows;
}

const [how, name, task] = process.argv.slice(2) as [string, SourceName, string];
const begin = performance.now();
const asked = JSON.parse(task) as Task;
const rows = await (how === 'rowcast' ? drainByConnector(asked) : (await loadSource(name)).drain(asked));
const reading: Reading = {
  rows,
  ms: performance.now() - begin,
  peakMb: process.resourceUsage().maxRSS / 1_024,
};
process.stdout.write(JSON.stringify(reading));
process.exit(0);
