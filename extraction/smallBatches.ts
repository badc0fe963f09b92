import type { Cell, Row } from '../connectors/source.ts';
import type { Placement } from '../mapping/mapper.ts';

/**
 * Warns of columns below `context` and `integrations` that differ in most neighbouring rows: a destination that
 * takes these once for a whole batch is then sent batches of few calls.
 */
export function smallBatchWarnings(placements: readonly Placement[], rows: readonly Row[]): string[] {
  const names = placements
    .filter(({ path }, index) => isShared(path) && changesMostly(rows.map((row) => row[index] ?? null)))
    .map(({ column }) => JSON.stringify(column));
  if (names.length === 0) return [];
  const differ =
    names.length === 1 ? `column ${names[0] ?? ''} differs` : `columns ${names.join(', ')} differ`;
  return [
    `The ${differ} in most rows, and the destination takes \`context\` and \`integrations\` once for a whole batch: batches will be small, and delivery slow. Order the query so that equal ones stand together, or give them names outside of \`context\`.`,
  ];
}

function isShared([first]: readonly string[]): boolean {
  return first === 'context' || first === 'integrations';
}

function changesMostly(cells: readonly Cell[]): boolean {
  const changes = cells.slice(1).filter((cell, index) => cell !== cells[index]).length;
  return changes > 0 && changes * 2 > cells.length - 1;
}
