import { RowcastError } from '../errors.ts';

/** Null for what does not exist. */
export function unlessGone(error: unknown): null {
  if (error instanceof RowcastError && error.code === 'not_found') return null;
  throw error;
}
