import { isUtf8 } from 'node:buffer';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { RowcastError } from '../errors.ts';
import { unlessAborted } from './confirm.ts';
import { Interrupted } from './withRowcast.ts';

/** The first line of what has more than one. */
const FIRST_OF_SEVERAL = /^(-----BEGIN |\s*\{\s*$)/;

/**
 * Reads a secret: at a terminal a line, which is not shown; else all of stdin without its last line feed.
 *
 * @throws Interrupted where nothing was typed; RowcastError definition_invalid for what is no text, and for the first
 * line of a key that was pasted at the terminal.
 */
export async function readSecret(question: string): Promise<string> {
  const value = process.stdin.isTTY ? await typed(question) : await piped();
  if (value === '') throw new Interrupted('Nothing was given, and nothing sealed.');
  return value;
}

async function typed(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // From here on the terminal shows nothing.
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  try {
    process.stderr.write(`${question} `);
    const line = await terminal.question('').catch(unlessAborted);
    if (FIRST_OF_SEVERAL.test(line)) {
      throw invalid('What was typed has more lines than one; give it as a file: `rowcast seal … < key.pem`.');
    }
    return line;
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

async function piped(): Promise<string> {
  const bytes = await buffer(process.stdin);
  if (!isUtf8(bytes))
    throw invalid('What was given on standard input is not text in UTF-8; encode it first.');
  return bytes.toString().replace(/\r?\n$/, '');
}

function invalid(message: string): RowcastError {
  return new RowcastError('definition_invalid', message);
}
