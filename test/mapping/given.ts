import { expect } from 'vitest';
import type { Cell, Column, ColumnKind, Row } from '../../connectors/source.ts';
import { RowcastError } from '../../errors.ts';
import { createMapper } from '../../mapping/createMapper.ts';
import type {
  CallType,
  MappedCall,
  MappingLimits,
  MappingOptions,
  RowProblem,
} from '../../mapping/mapper.ts';

/** The limits of the product page. */
export const LIMITS: MappingLimits = {
  columnsWarn: 300,
  columnsMax: 512,
  columnNameCharsMax: 128,
  keyColumnNameCharsMax: 191,
  valueBytesMax: 128 * 1024,
  recordBytesMax: 512 * 1024,
};

/** The moment in which the window of these tests was first attempted, and the ULID time it makes. */
export const FIRST_ATTEMPT_MS = Date.parse('2026-02-03T04:05:06Z');

export interface Given extends Partial<Omit<MappingOptions, 'limits'>> {
  readonly limits?: Partial<MappingLimits>;
}

/** The options of a sync to Customer.io, but for what a test says. */
export function options({ limits, ...given }: Given = {}): MappingOptions {
  return {
    sync: 'people',
    type: 'identify',
    nulls: 'send',
    messageIdFrom: null,
    timeZone: 'UTC',
    duties: { identifyByEmail: true, groupWithoutPerson: true },
    window: { id: 'window-1', firstAttemptAtMs: FIRST_ATTEMPT_MS },
    ...given,
    limits: { ...LIMITS, ...limits },
  };
}

/** The duties of every destination that is not Customer.io. */
export const STRICT: MappingOptions['duties'] = { identifyByEmail: false, groupWithoutPerson: false };

/** Names and kinds as columns: `columns('userId', 'plan')`, `columns(['age', 'number'])`; text by default. */
export function columns(...named: readonly (string | readonly [string, ColumnKind])[]): Column[] {
  return named.map((column) =>
    typeof column === 'string' ? { name: column, kind: 'text' } : { name: column[0], kind: column[1] },
  );
}

/** A cell with its kind; a plain string is text. */
export type GivenCell = Cell | readonly [ColumnKind, Cell];

/** What a row brings at the least to become a call of a type. */
export const NEEDED: Readonly<Record<CallType, Readonly<Record<string, string>>>> = {
  identify: { userId: 'u1' },
  track: { userId: 'u1', event: 'Bought' },
  page: { userId: 'u1' },
  screen: { userId: 'u1' },
  group: { groupId: 'g1', userId: 'u1' },
};

/** Where a type keeps what is not reserved. */
export const CONTAINER: Readonly<Record<CallType, 'traits' | 'properties'>> = {
  identify: 'traits',
  group: 'traits',
  track: 'properties',
  page: 'properties',
  screen: 'properties',
};

/** Maps one row, given as its columns with their cells. */
export function mapped(
  cells: Readonly<Record<string, GivenCell>>,
  given: Given = {},
): MappedCall | RowProblem {
  return mappedRow(Object.entries(cells), given);
}

/** The same, for columns whose names an object cannot hold. */
export function mappedRow(
  cells: readonly (readonly [string, GivenCell])[],
  given: Given = {},
): MappedCall | RowProblem {
  const kinds = cells.map(([name, cell]) => (isKinded(cell) ? ([name, cell[0]] as const) : name));
  const row: Row = cells.map(([, cell]) => (isKinded(cell) ? cell[1] : cell));
  return createMapper(columns(...kinds), options(given)).map(row);
}

function isKinded(cell: GivenCell): cell is readonly [ColumnKind, Cell] {
  return Array.isArray(cell);
}

/** The call that a row becomes, as its reader sees it. */
export function callOf(
  cells: Readonly<Record<string, GivenCell>>,
  given: Given = {},
): Record<string, unknown> {
  return parsed(done(mapped(cells, given)));
}

/** The line of a call, as it is staged. */
export function lineOf(cells: Readonly<Record<string, GivenCell>>, given: Given = {}): string {
  return done(mapped(cells, given)).json;
}

/** A call that was made. */
export function done(outcome: MappedCall | RowProblem): MappedCall {
  if (!outcome.ok) throw new Error(`no call: ${outcome.message}`);
  return outcome;
}

/** A call as it is after the bytes of its line have travelled. */
export function parsed({ json }: MappedCall): Record<string, unknown> {
  return JSON.parse(Buffer.from(json).toString()) as Record<string, unknown>;
}

/** Why a row does not become a call. */
export function problemOf(cells: Readonly<Record<string, GivenCell>>, given: Given = {}): RowProblem {
  const outcome = mapped(cells, given);
  if (outcome.ok) throw new Error(`it became a call: ${outcome.json}`);
  return outcome;
}

/** Why a result as a whole is refused. */
export function refusalOf(result: readonly Column[], given: Given = {}): RowcastError {
  try {
    createMapper(result, options(given));
  } catch (error) {
    expect(error).toBeInstanceOf(RowcastError);
    return error as RowcastError;
  }
  throw new Error('the result was not refused');
}

/** One trait of an identify, from a cell of a kind. */
export function traitOf(cell: GivenCell, given: Given = {}): unknown {
  return (callOf({ userId: 'u1', x: cell }, given)['traits'] as Record<string, unknown>)['x'];
}

/** The same as it stands in the line. */
export function traitTextOf(cell: GivenCell, given: Given = {}): string {
  return /"traits":\{"x":([^]*)\}\}$/.exec(lineOf({ userId: 'u1', x: cell }, given))?.[1] ?? '';
}
