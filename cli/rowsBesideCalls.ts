import type { PreviewResult } from '../client/index.ts';
import { say, sayTable } from './output.ts';

/** Where each column goes, and why. */
export function sayPlacements(placements: PreviewResult['placements']): void {
  sayTable(
    ['COLUMN', 'GOES TO', 'WHY'],
    placements.map(({ column, path, why }) => [column, path.join('.'), why]),
    'no column',
    { fit: ['whole', 'whole', 'wrap'] },
  );
}

/** A row above the call that it became. @param leftOut columns of which nothing is in the call. */
export function sayRow(
  { row, data }: { readonly row: number; readonly data: Record<string, unknown> },
  call: Record<string, unknown>,
  leftOut: readonly string[] = [],
): void {
  say();
  say(`row ${row}`);
  say(`  data  ${JSON.stringify(data)}`);
  say(`  call  ${JSON.stringify(call)}`);
  if (leftOut.length > 0) say(`  left out, since NULL: ${leftOut.join(', ')}`);
}
