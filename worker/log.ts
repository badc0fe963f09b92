import { RowcastError } from '../errors.ts';

export type Level = 'info' | 'warn' | 'error';

/** What a line says besides its message, for machines; what is undefined or null is left out. */
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What the worker says to its operators, a line each. */
export type Log = Readonly<Record<Level, (message: string, fields?: Fields) => void>>;

const FORMAT_VARIABLE = 'ROWCAST_LOG';

/** Where lines go. */
export interface LogStream {
  readonly isTTY?: boolean;
  write(line: string): void;
}

/**
 * JSON objects, a line each; plain lines on a terminal, or as ROWCAST_LOG says.
 *
 * @param redact takes secrets out of everything that is said.
 * @throws RowcastError definition_invalid naming the variable and its value.
 */
export function createLog(
  env: NodeJS.ProcessEnv,
  stream: LogStream,
  redact: (text: string) => string,
  now = () => new Date(),
): Log {
  const line = formatOf(env, stream) === 'json' ? jsonLine : textLine;
  const say =
    (level: Level) =>
    (message: string, fields: Fields = {}) =>
      stream.write(`${redact(line(now(), level, message, fields))}\n`);
  return { info: say('info'), warn: say('warn'), error: say('error') };
}

function formatOf(env: NodeJS.ProcessEnv, { isTTY }: LogStream): 'json' | 'text' {
  const format = env[FORMAT_VARIABLE] ?? '';
  if (format === 'json' || format === 'text') return format;
  if (format === '') return isTTY === true ? 'text' : 'json';
  throw new RowcastError(
    'definition_invalid',
    `The environment variable ${FORMAT_VARIABLE} is ${JSON.stringify(format)}; give json or text, or unset it for text on a terminal and JSON elsewhere.`,
  );
}

function jsonLine(time: Date, level: Level, message: string, fields: Fields): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return JSON.stringify({ time: time.toISOString(), level, message, ...Object.fromEntries(given) });
}

/** What a person needs to look further, beside the message. */
const SHOWN = ['code', 'run', 'stack', 'detail'];

function textLine(time: Date, level: Level, message: string, fields: Fields): string {
  const shown = SHOWN.map((name) => fields[name]).filter((value) => value !== undefined && value !== null);
  const after = shown.length === 0 ? '' : ` (${shown.join(', ')})`;
  return `${time.toISOString()} ${level.padEnd(5)} ${message}${after}`.replace(CONTROL, ' ');
}

/** A line stays one, and does nothing to a terminal. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g;
