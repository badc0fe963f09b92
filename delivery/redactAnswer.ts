import type { Redactor } from '../secrets/redact.ts';
import type { Answer } from './answer.ts';

/** An answer without the secrets that some servers echo; to be asked for before anything of it is cut. */
export function redactAnswer(answer: Answer, redactor: Redactor): Answer {
  return { ...answer, body: redactor.redact(withoutCodes(answer.body)) };
}

/**
 * JSON with every character as it is that need not be written as a code, as some servers do (`\/`, `\u002b`):
 * a secret would not be found in them.
 */
function withoutCodes(text: string): string {
  return text.replace(/\\(?:u00([2-7][0-9a-f])|\/)/gi, (code, hex: string | undefined) => {
    const character = hex === undefined ? '/' : String.fromCharCode(parseInt(hex, 16));
    return character === '"' || character === '\\' || character === '\x7f' ? code : character;
  });
}
