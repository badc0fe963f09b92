import { createInterface } from 'node:readline/promises';
import { say } from './output.ts';

/** Asks before what cannot be taken back, where somebody is there to answer; a script is not asked. */
export async function confirmed(question: string, yes = false): Promise<boolean> {
  if (yes || !process.stdin.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return true;
    say('Nothing was changed.');
    return false;
  } finally {
    terminal.close();
  }
}
