import { messageOf, RowcastError } from '../errors.ts';

/** The code of a failed system call, such as `ENOENT`; undefined for anything else that was thrown. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** A folder that failures name. */
export interface Place {
  /** What it is to its user, such as `storage folder`. */
  readonly name: string;
  readonly path: string;
  /** The variable of the environment that sets it. */
  readonly variable: string;
}

/** The user's sentence for a failed system call in a folder; what is no such failure stays as it is. */
export function explain(error: unknown, { name, path, variable }: Place): unknown {
  const code = codeOf(error);
  if (code === undefined || error instanceof RowcastError) return error;
  const cause = { cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new RowcastError(
      'storage_full',
      `The ${name} ${path} is full (${code}); free some space, and the work goes on.`,
      cause,
    );
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return new RowcastError(
      'storage_unreachable',
      `The ${name} ${path} cannot be used, because something on its path is not a folder (${messageOf(error)}); set ${variable} to another one.`,
      cause,
    );
  }
  return new RowcastError(
    'storage_unreachable',
    `The ${name} ${path} cannot be used (${messageOf(error)}); make it readable and writable for the worker's user, or set ${variable} to another folder.`,
    cause,
  );
}
