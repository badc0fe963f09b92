import type { Counts } from './received.ts';

/** What came of rows. */
export interface Came {
  /** In words; null where every row came. */
  readonly lost: string | null;
  /** How many calls came again, with the messageId that they had. */
  readonly twice: number;
}

/** A call whose answer did not come in time is sent again with its messageId: that is told, and is no fault. */
export function cameOf(rows: number, { calls, distinct }: Pick<Counts, 'calls' | 'distinct'>): Came {
  const lost =
    distinct === rows ? null : `${calls} calls came of ${rows} rows, and ${distinct} of them are distinct`;
  return { lost, twice: calls - distinct };
}

/** `12 calls came twice`; nothing where none did. */
export function twiceWords(twice: number): string | null {
  if (twice === 0) return null;
  return `${twice.toLocaleString('en-US')} ${twice === 1 ? 'call' : 'calls'} came twice`;
}
