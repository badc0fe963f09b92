import type { Progress } from '../client/index.ts';
import { count, printable, terminalWidth } from './output.ts';

const CLEAR_LINE = '\r\u001b[2K';

/** Shows a run's progress: one line that changes on a terminal, a line for each change elsewhere. */
export async function showProgress(watched: AsyncIterable<Progress>): Promise<void> {
  const isTerminal = process.stdout.isTTY;
  let shown = '';
  for await (const progress of watched) {
    const line = printable(wordsOf(progress));
    if (line === shown || line === '') continue;
    process.stdout.write(isTerminal ? CLEAR_LINE + oneLine(line) : `${line}\n`);
    shown = line;
  }
  if (isTerminal && shown !== '') process.stdout.write(CLEAR_LINE);
}

/** A line that is wider than the terminal could not be cleared. */
function oneLine(line: string): string {
  const flat = line.replace(/\s+/g, ' ');
  return flat.length < terminalWidth() ? flat : `${flat.slice(0, terminalWidth() - 2)}…`;
}

/** Nothing while nothing is known: a run that has read no row yet may still be connecting. */
function wordsOf({ rows, delivered, failed, trouble }: Progress): string {
  const waiting = trouble === null ? '' : ` (${trouble})`;
  if (delivered !== null)
    return `delivering: ${count(delivered)} delivered, ${count(failed)} failed${waiting}`;
  if (rows !== null && rows > 0) return `reading: ${count(rows)} rows${waiting}`;
  return trouble ?? '';
}
