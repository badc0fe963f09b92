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
  readonly repeated: readonly Entry[];
  /** What is moved once, after the last round: it takes long enough that little is left of chance. */
  readonly once: readonly Entry[];
}

/** Fewer rows first, so that memory that grows with them would show. */
const QUICK: readonly TableSpec[] = [0, 1_000, 100_000, 1_000_000].map(narrow);
const FULL: readonly TableSpec[] = [
  ...QUICK,
  { database: 'postgres', shape: 'wide', rows: 50_000 },
  { database: 'postgres', shape: 'heavy', rows: 50_000 },
  { database: 'postgres', shape: 'address', rows: 10_000 },
  { database: 'mariadb', shape: 'narrow', rows: 1_000_000 },
];
const ONCE: readonly TableSpec[] = [narrow(10_000_000)];

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
  const rowsMaxOf = ({ rowsMax }: Contestant, { shape }: TableSpec) =>
    (isQuick ? rowsMax.quick : rowsMax.full) / WEIGHT[shape];
  const onceMaxOf = ({ rowsMax }: Contestant) => rowsMax.once ?? rowsMax.full;
  const tables = (isQuick ? QUICK : FULL).filter(({ database }) => hasMariadb || database !== 'mariadb');
  // Of so few rows the slow ones would show little but how long they take to start.
  const isWorthIt = (contestant: Contestant, table: TableSpec) =>
    !isQuick || table.rows > 1_000 || contestant.rowsMax.quick >= 1_000_000;
  const repeated = withSmaller(tables, contestants, rowsMaxOf).map((table) => ({
    table,
    contestants: contestants.filter((each) => {
      const most = rowsMaxOf(each, table);
      const isListed = tables.includes(table);
      const isIts = isListed || each === rowcast ? table.rows <= most : table.rows === most;
      return isIts && canMove(each, table) && isWorthIt(each, table);
    }),
  }));
  const once = [...FULL, ...ONCE].map((table) => ({
    table,
    contestants: contestants.filter(
      (each) =>
        canMove(each, table) &&
        table.rows <= onceMaxOf(each) &&
        (ONCE.includes(table) || (table.shape === 'narrow' && table.rows > rowsMaxOf(each, table))),
    ),
  }));
  const isMoved = (entry: Entry) => entry.contestants.length > 0;
  return {
    tables: [...tables, ...(isQuick ? [] : ONCE)].filter(({ rows }) => rows > 0),
    repeated: repeated.filter(isMoved),
    once: isQuick ? [] : once.filter(isMoved),
  };
}

/** The tables, and before the larger ones those of fewer rows for the contestants that are too slow for them. */
function withSmaller(
  tables: readonly TableSpec[],
  contestants: readonly Contestant[],
  rowsMaxOf: (contestant: Contestant, table: TableSpec) => number,
): TableSpec[] {
  const known = new Set(tables.map(keyOf));
  const found: TableSpec[] = [];
  for (const table of tables) {
    for (const contestant of contestants) {
      const fewer = { ...table, rows: rowsMaxOf(contestant, table) };
      if (!(fewer.rows < table.rows) || !canMove(contestant, table) || known.has(keyOf(fewer))) continue;
      known.add(keyOf(fewer));
      found.push(fewer);
    }
    found.push(table);
  }
  return found;
}
