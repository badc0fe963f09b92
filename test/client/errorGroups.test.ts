import { expect, test } from 'vitest';
import { groupErrors } from '../../client/errorGroups.ts';
import type { FailedRow } from '../../client/index.ts';

async function* rows(...failed: readonly FailedRow[]): AsyncGenerator<FailedRow> {
  for (const row of failed) yield await Promise.resolve(row);
}

const bad = (row: number, code: string, message: string, data: Record<string, unknown> = {}): FailedRow => ({
  row,
  code,
  message,
  data,
});

test('rows with one fault are one group, the largest first, with the first row as the example', async () => {
  const late = (row: number, text: string) =>
    bad(row, 'invalid_timestamp', `The timestamp ${JSON.stringify(text)} is no date-time.`, {
      timestamp: text,
    });
  const nobody = bad(2, 'missing_user', 'The row has no userId.');
  expect(await groupErrors(rows(nobody, late(3, 'soon'), late(7, 'a "moment" ago')))).toEqual([
    {
      code: 'invalid_timestamp',
      rows: 2,
      message: 'The timestamp … is no date-time.',
      example: late(3, 'soon'),
    },
    { code: 'missing_user', rows: 1, message: 'The row has no userId.', example: nobody },
  ]);
});

test('another column is another fault, and what is the same in every row is told', async () => {
  const large = (row: number, column: string, bytes: number) =>
    bad(row, 'value_too_large', `The column "${column}" holds ${bytes} bytes, more than 16384.`, {
      [column]: 'x',
    });
  const groups = await groupErrors(
    rows(large(1, 'bio', 20_000), large(2, 'bio', 30_000), large(3, 'cv', 99_000)),
  );
  expect(groups.map(({ rows: number, message }) => [number, message])).toEqual([
    [2, 'The column "bio" holds … bytes, more than 16384.'],
    [1, 'The column "cv" holds 99000 bytes, more than 16384.'],
  ]);
});

test('a destination that says something else of every row makes a hundred groups and no more', async () => {
  const word = (row: number) => String.fromCharCode(97 + (row % 26), 97 + Math.floor(row / 26), 97);
  const failed = Array.from({ length: 500 }, (_, row) =>
    bad(row + 1, 'refused_by_destination', `No: ${word(row)}.`),
  );
  const groups = await groupErrors(rows(...failed));
  expect(groups).toHaveLength(101);
  expect(groups[0]).toMatchObject({ rows: 400, message: 'Something else; each of these rows says what.' });
  expect(groups.reduce((sum, { rows: number }) => sum + number, 0)).toBe(500);
});
