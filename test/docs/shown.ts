import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Commands that a document shows, and what they print: fenced blocks whose lines begin with `$ `. What differs from run
 * to run (times, ids, ports) is compared by its form; `…` stands for any text, and for any lines where it stands alone.
 */

export const ROOT = join(import.meta.dirname, '..', '..');

/** A command in a document, and its output there. */
export interface Shown {
  readonly command: string;
  readonly output: string;
}

/** The commands of a document, in its order. @param path from the project's folder */
export function shownIn(path: string): Shown[] {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return [...text.matchAll(/^```\n(\$ [^]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .filter((part) => part !== '')
      .map((part) => {
        const end = part.indexOf('\n');
        return { command: part.slice(0, end), output: part.slice(end + 1) };
      }),
  );
}

/** What differs from run to run, and what it is replaced by. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC)?/g, 'TIME'],
  [/~?[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, ''],
  [/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'ULID'],
  [/\b(127\.0\.0\.1|localhost):\d+/g, 'ADDRESS'],
  [/\/\S*\/storage\b/g, 'FOLDER'],
  [/(\d+ (d|h|min) )?\b\d+(\.\d+)? (ms|seconds?|minutes?|hours?|s|min|h)\b( ago)?/g, 'SPAN'],
  [/\bnow *$/gm, 'SPAN'],
  [/\b1[789]\d{8}\b/g, 'UNIX'],
  // How far a run was when it was cancelled.
  [/(cancelled, [\d,]+ rows read, )[\d,]+/g, '$1N'],
  [/\d+ (?=calls had gone out by then)/g, 'N '],
  [/ +(?=\n|$)/g, ''],
  [/ +/g, ' '],
];

/** An output in its form. */
export function formOf(output: string): string {
  return VARYING.reduce((text, [varying, form]) => text.replace(varying, form), output).trim();
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** Whether what was printed is what the document shows. */
export function isShown(printed: string, { output }: Shown): boolean {
  const pattern = formOf(output)
    .split('\n')
    .map((line) => (line.trim() === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escaped).join('.*')}\\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(`${formOf(printed)}\n`);
}

/**
 * Puts what was printed into the document, in place of what it shows.
 *
 * @param path from the project's folder.
 * @param nth which of the places with this command, from 1.
 */
export function show(path: string, { command, output }: Shown, nth: number, printed: string): void {
  const file = join(ROOT, path);
  const text = readFileSync(file, 'utf8');
  const line = `\n$ ${command}\n`;
  let at = -1;
  for (let found = 0; found < nth; found += 1) at = text.indexOf(line, at + 1);
  const start = at + line.length;
  const shown = `${printed.trimEnd().replace(/ +$/gm, '')}\n`;
  writeFileSync(file, text.slice(0, start) + shown + text.slice(start + output.length));
}
