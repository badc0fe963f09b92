import type { z } from 'zod';
import { check } from '../definitions/problems.ts';
import type { CheckPlace } from '../definitions/problems.ts';
import { RowcastError } from '../errors.ts';

/** Checks what a caller gave. @throws RowcastError definition_invalid listing every problem. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  what: string,
  place: CheckPlace = {},
): z.output<Schema> {
  const result = check(schema, input, place);
  if (result.ok) return result.value;
  throw new RowcastError(
    'definition_invalid',
    `${what} is not valid:\n${result.problems.map((line) => `  ${line}`).join('\n')}`,
  );
}
