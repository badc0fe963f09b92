import type { z } from 'zod';

/** Fields whose value is never shown, in whatever they hold. */
const SECRET_FIELD = /key|password|secret|token/i;

/**
 * What is wrong with an input, a sentence each: the field, what it holds, and the fix.
 *
 * @param input what was checked, of which values are shown, except those of fields that hold secrets.
 * @param prefix the path of the input in the whole file.
 */
export function problemsOf(error: z.ZodError, input: unknown, prefix: readonly PropertyKey[] = []): string[] {
  return error.issues.flatMap((issue) => flatten(issue, input, prefix));
}

function flatten(issue: z.core.$ZodIssue, input: unknown, prefix: readonly PropertyKey[]): string[] {
  const path = [...prefix, ...issue.path];
  const where = path.length === 0 ? 'the whole' : path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) =>
        `${[...path, key].map(String).join('.')}: is not a known field; correct its spelling, or remove it`,
    );
  }
  const value = valueAt(input, issue.path);
  if (value === undefined && issue.code === 'invalid_type') return [`${where}: is missing`];
  const said =
    issue.message.includes(JSON.stringify(value)) || !isShown(path, value)
      ? ''
      : ` (it is ${JSON.stringify(value)})`;
  return [`${where}: ${issue.message}${said}`];
}

function isShown(path: readonly PropertyKey[], value: unknown): boolean {
  if (path.some((part) => SECRET_FIELD.test(String(part)))) return false;
  return (
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    (typeof value === 'string' && value.length <= 80)
  );
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input;
  for (const key of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
