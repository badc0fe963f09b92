import type { z } from 'zod';
import { RowcastError } from '../errors.ts';
import { problemsOf } from '../definitions/problems.ts';

/** Checks what a caller gave. @throws RowcastError definition_invalid listing every problem. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  what: string,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = problemsOf(parsed.error, input);
  throw new RowcastError(
    'definition_invalid',
    `${what} is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}
