import type { FailedRow } from '../storage/manifest.ts';

/** Failed rows with the same fault. */
export interface ErrorGroup {
  /** What is wrong, as a stable word. */
  readonly code: string;
  readonly rows: number;
  /** What is wrong, as a sentence; `…` stands for what differs from row to row. */
  readonly message: string;
  /** The first of them. */
  readonly example: FailedRow;
}

interface Growing {
  rows: number;
  parts: string[];
  readonly example: FailedRow;
}

/** So many sentences are told apart for a code; what a destination says may be another for every row. */
const GROUPS_MAX = 100;

/** The parts of a sentence that may differ from row to row: what is quoted, and numbers. */
const VARIABLE = /("(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?)/;

/** Groups failed rows by what is wrong with them, the most frequent first. Memory is bounded however many there are. */
export async function groupErrors(errors: AsyncIterable<FailedRow>): Promise<ErrorGroup[]> {
  const codes = new Map<string, Map<string, Growing>>();
  for await (const error of errors) {
    const groups = codes.get(error.code) ?? new Map<string, Growing>();
    codes.set(error.code, groups);
    addTo(groups, error);
  }
  return [...codes]
    .flatMap(([code, groups]) =>
      [...groups.values()].map(({ rows, parts, example }) => ({
        code,
        rows,
        message: parts.join(''),
        example,
      })),
    )
    .sort((left, right) => right.rows - left.rows);
}

function addTo(groups: Map<string, Growing>, error: FailedRow): void {
  const parts = error.message.split(VARIABLE);
  const known = groups.get(skeletonOf(parts, error));
  if (known !== undefined) {
    known.rows += 1;
    known.parts = known.parts.map((part, index) => (part === parts[index] ? part : '…'));
  } else if (groups.size < GROUPS_MAX) {
    groups.set(skeletonOf(parts, error), { rows: 1, parts, example: error });
  } else {
    addToOthers(groups, error);
  }
}

/** What a sentence has in common with those of its group; the name of a column tells groups apart. */
function skeletonOf(parts: readonly string[], { data }: FailedRow): string {
  return parts.map((part, index) => (index % 2 === 0 || isColumn(part, data) ? part : '…')).join('');
}

function isColumn(part: string, data: Readonly<Record<string, unknown>>): boolean {
  return part.startsWith('"') && Object.keys(data).some((name) => JSON.stringify(name) === part);
}

const OTHERS = 'Something else; each of these rows says what.';

function addToOthers(groups: Map<string, Growing>, error: FailedRow): void {
  const others = groups.get(OTHERS) ?? { rows: 0, parts: [OTHERS], example: error };
  others.rows += 1;
  groups.set(OTHERS, others);
}
