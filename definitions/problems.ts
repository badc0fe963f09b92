import { z } from 'zod';
import { nearest } from './nearest.ts';

/** What checking an input came to: its value with defaults filled in, or a sentence for each problem. */
export type Checked<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly problems: readonly string[] };

export interface CheckPlace {
  /** The path of the input in the whole file. */
  readonly prefix?: readonly string[];
  /** Fields that belong beside those of the schema, and those of the schema that are not to be suggested. */
  readonly alsoKnown?: readonly string[];
  readonly notSuggested?: readonly string[];
  /** Fields that hold references to secrets here, beside those that do so everywhere. */
  readonly secretFields?: readonly string[];
}

/** Fields that hold references to secrets; neither what they hold nor the keys in it are ever shown. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'headers',
  'key',
  'passphrase',
  'password',
  'privateKey',
  'signingSecret',
  'writeKey',
]);

/** A longer text is shown by its beginning. */
const SHOWN_CHARS_MAX = 60;

/** Checks an input. Each problem is a sentence: the field by its path, what it holds, and the fix. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  place: CheckPlace = {},
): Checked<z.output<Schema>> {
  const parsed = schema.safeParse(input, { error: (issue) => wordsFor(issue, place) });
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, input, place)) };
}

/** The words for what a schema has none of its own for. */
function wordsFor(issue: z.core.$ZodRawIssue, place: CheckPlace): string {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownField(key, issue.inst, place)).join('\n');
  }
  if (issue.code === 'invalid_type') return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
  return 'is not valid; correct it';
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list, such as [order_id]',
  object: 'a mapping of fields to values',
  record: 'a mapping of names to their fields',
};

function unknownField(key: string, schema: unknown, place: CheckPlace): string {
  const fields = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const known = [...fields, ...(place.alsoKnown ?? [])].filter(
    (field) => !place.notSuggested?.includes(field),
  );
  const meant = nearest(key, known);
  return meant === null
    ? 'is not a known field; correct its spelling, or remove it'
    : `is not a known field; did you mean ${JSON.stringify(meant)}?`;
}

function problemsOf(issue: z.core.$ZodIssue, input: unknown, place: CheckPlace): string[] {
  const { prefix = [], secretFields = [] } = place;
  const path = [...prefix, ...issue.path.map(String)];
  if (issue.code === 'invalid_union') {
    // What was meant is shown by what it holds: a problem in there says more than that nothing of all fits.
    const within = issue.errors.flat().filter((inner) => inner.path.length > 0);
    if (within.length > 0)
      return within.flatMap((inner) =>
        problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, input, place),
      );
  }
  const isSecret = path
    .slice(prefix.length)
    .some((part) => SECRET_FIELDS.has(part) || secretFields.includes(part));
  if (issue.code === 'unrecognized_keys' && !isSecret) {
    const words = issue.message.split('\n');
    return issue.keys.map((key, index) => `${[...path, key].join('.')}: ${words[index] ?? ''}`);
  }
  const where = path.length === 0 ? 'the whole' : path.join('.');
  const value = valueAt(input, issue.path);
  if (value === undefined) return [`${where}: is missing; ${fixOf(issue.message)}`];
  return [`${where}: ${issue.message}${isSecret && value !== null ? '' : saidOf(value, issue.message)}`];
}

/** `must be text` as what to do about a field that is not there. */
function fixOf(message: string): string {
  return message.startsWith('must ') ? `it ${message}` : message;
}

/** What a field holds, unless its message says so already. */
function saidOf(value: unknown, message: string): string {
  if (Array.isArray(value)) return ' (it is a list)';
  if (value !== null && typeof value === 'object') return ' (it is a mapping)';
  if (typeof value !== 'string') return ` (it is ${String(value)})`;
  // A URL may hold a password.
  const text = value.replace(/\/\/.*@/s, '//…@');
  const shown = text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}…`;
  return message.includes(JSON.stringify(value)) ? '' : ` (it is ${JSON.stringify(shown)})`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input;
  for (const key of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
