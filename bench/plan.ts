import { canMove } from './contestants/contestant.ts';
import type { Contestant } from './contestants/contestant.ts';
import { rowcast } from './contestants/rowcast.ts';
import { keyOf, narrow } from './tables.ts';
import type { Shape, TableSpec } from './tables.ts';

/** What the bench moves: a table, and who moves it. */
export interface Entry {
  readonly table: TableSpec;
  readonly contestants: readonly Contestant[];
}

export interface Plan {
  /** The tables that have a section in the results. */
  readonly tables: readonly TableSpec[];
  /** What is moved in every round, in this order. */
  readonly entries: readonly Entry[];
}

/** Fewer rows first, so that memory that grows with them would show. */
const NARROW: readonly TableSpec[] = [0, 1_000, 100_000, 1_000_000].map(narrow);
/** Of other shapes a few, which Rowcast alone moves: whether its calls are right. */
const QUICK: readonly TableSpec[] = [
  ...NARROW,
  { database: 'postgres', shape: 'wide', rows: 2_000 },
  { database: 'postgres', shape: 'heavy', rows: 2_000 },
  { database: 'postgres', shape: 'address', rows: 500 },
];
const FULL: readonly TableSpec[] = [
  ...NARROW,
  narrow(10_000_000),
  { database: 'postgres', shape: 'wide', rows: 50_000 },
  { database: 'postgres', shape: 'heavy', rows: 50_000 },
  { database: 'postgres', shape: 'address', rows: 10_000 },
  { database: 'mariadb', shape: 'narrow', rows: 1_000_000 },
];

/** How many narrow rows one row is worth, for those who are slow. */
const WEIGHT: Readonly<Record<Shape, number>> = { narrow: 1, wide: 5, heavy: 5, address: 1 };

/**
 * Who moves what. Of a table that is too large for a contestant it moves as many rows as it can in the time that there
 * is, and so does Rowcast, to be compared with.
 */
export function planOf(
  contestants: readonly Contestant[],
  { isQuick, hasMariadb }: { readonly isQuick: boolean; readonly hasMariadb: boolean },
): Plan {
  const rowsMaxOf = ({ rowsMax }: Contestant, { shape }: TableSpec) => {
    const most = (isQuick ? rowsMax.quick : rowsMax.full) / WEIGHT[shape];
    return WEIGHT[shape] === 1 ? most : Math.min(most, rowsMax.wide ?? Infinity);
  };
  const tables = (isQuick ? QUICK : FULL).filter(({ database }) => hasMariadb || database !== 'mariadb');
  // Of so few rows the slow ones would show little but how long they take to start.
  const isWorthIt = (contestant: Contestant, { shape, rows }: TableSpec) =>
    !isQuick ||
    contestant === rowcast ||
    (shape === 'narrow' && (rows > 1_000 || contestant.rowsMax.quick >= 1_000_000));
  const moving = (table: TableSpec) => contestants.filter((each) => isWorthIt(each, table));
  const entries = withSmaller(tables, moving, rowsMaxOf).map((table) => ({
    table,
    contestants: contestants.filter((each) => {
      const most = rowsMaxOf(each, table);
      const isListed = tables.includes(table);
      const isIts = isListed || each === rowcast ? table.rows <= most : table.rows === most;
      return isIts && canMove(each, table) && isWorthIt(each, table);
    }),
  }));
  return {
    tables: tables.filter(({ rows }) => rows > 0),
    entries: entries.filter(({ contestants: movers }) => movers.length > 0),
  };
}

/** The tables, and before the larger ones those of fewer rows for the contestants that are too slow for them. */
function withSmaller(
  tables: readonly TableSpec[],
  contestantsOf: (table: TableSpec) => readonly Contestant[],
  rowsMaxOf: (contestant: Contestant, table: TableSpec) => number,
): TableSpec[] {
  const known = new Set(tables.map(keyOf));
  const found: TableSpec[] = [];
  for (const table of tables) {
    for (const contestant of contestantsOf(table)) {
      const fewer = { ...table, rows: rowsMaxOf(contestant, table) };
      if (!(fewer.rows < table.rows) || !canMove(contestant, table) || known.has(keyOf(fewer))) continue;
      known.add(keyOf(fewer));
      found.push(fewer);
    }
    found.push(table);
  }
  return found;
}
