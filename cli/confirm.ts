import { createInterface } from 'node:readline/promises';
import { Interrupted } from './withRowcast.ts';

/**
 * Asks before what cannot be taken back, where somebody is there to answer; a script is not asked. The question goes
 * to stderr, since the output may be read by another program.
 *
 * @throws Interrupted unless the answer is yes.
 */
export async function confirm(question: string, yes = false): Promise<void> {
  if (yes || !process.stdin.isTTY) return;
  if (!(await asked(question))) throw new Interrupted('Nothing was changed.');
}

/** Asks at the terminal; only yes is yes. */
export async function asked(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `).catch(unlessAborted);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** Ctrl-C and Ctrl-D are an answer, too. */
export function unlessAborted(error: unknown): string {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
  process.stderr.write('\n');
  return '';
}
