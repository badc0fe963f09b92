import type { RowProblemCode } from './mapper.ts';

/** A row that cannot become a call: thrown to the one place that turns it into a `RowProblem`. */
export class Problem extends Error {
  readonly code: RowProblemCode;
  constructor(code: RowProblemCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The most of a value that a message repeats, in characters. */
const QUOTED_CHARS_MAX = 100;

/** A value as a message repeats it, cut where it is long. */
export function quoted(text: string): string {
  if (text.length <= QUOTED_CHARS_MAX) return JSON.stringify(text);
  const halfCharacterAtEnd = /[\ud800-\udbff]$/;
  return JSON.stringify(`${text.slice(0, QUOTED_CHARS_MAX).replace(halfCharacterAtEnd, '')}…`);
}
