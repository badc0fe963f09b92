import type { Progress } from '../client/index.ts';
import { count } from './output.ts';

/** Shows a run's progress: one line that changes on a terminal, a line for each change elsewhere. */
export async function showProgress(watched: AsyncIterable<Progress>): Promise<void> {
  const isTerminal = process.stdout.isTTY;
  let shown = '';
  for await (const progress of watched) {
    const line = wordsOf(progress);
    if (line === shown || line === '') continue;
    process.stdout.write(isTerminal ? `\r\u001b[2K${line}` : `${line}\n`);
    shown = line;
  }
  if (isTerminal && shown !== '') process.stdout.write('\r\u001b[2K');
}

function wordsOf({ rows, delivered, failed, trouble }: Progress): string {
  const waiting = trouble === null ? '' : ` (${trouble})`;
  if (delivered !== null)
    return `delivering: ${count(delivered)} delivered, ${count(failed)} failed${waiting}`;
  if (rows !== null) return `reading: ${count(rows)} rows${waiting}`;
  return trouble ?? '';
}
