import { expect, test } from 'vitest';
import { z } from 'zod';
import { DestinationDefinition } from '../../definitions/destination.ts';
import { IntegrationDefinition } from '../../definitions/integration.ts';
import { check } from '../../definitions/problems.ts';
import { WEBHOOK_SECRET_FIELDS, WebhookDefinition } from '../../definitions/webhook.ts';
import { SecretReference } from '../../secrets/reference.ts';

/* Every field of a definition that holds a secret, found in the schemas themselves, so that none is forgotten. */

const LITERAL = 'hunter2 literal';

/** Definitions of which each has a literal where a secret belongs, by the path of that field. */
function literalsIn(schema: z.ZodType, path = ''): [path: string, input: unknown][] {
  if (schema === SecretReference) return [[path, LITERAL]];
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries<z.ZodType>(schema.shape);
    const kind = fields.flatMap(([name, field]) =>
      field instanceof z.ZodLiteral ? [[name, field.value] as const] : [],
    );
    return fields.flatMap(([name, field]) =>
      literalsIn(field, `${path}.${name}`).map(([at, input]): [string, unknown] => [
        at,
        { ...Object.fromEntries(kind), [name]: input },
      ]),
    );
  }
  if (schema instanceof z.ZodUnion) {
    return (schema.options as z.ZodType[]).flatMap((option) => literalsIn(option, path));
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return literalsIn(schema.def.innerType as z.ZodType, path);
  }
  if (schema instanceof z.ZodRecord) {
    // A header may be plain text, but for characters that none can hold.
    return literalsIn(schema.def.valueType as z.ZodType, `${path}.X-Any`).map(([at, input]) => [
      at,
      { 'X-Any': `${String(input)}\n` },
    ]);
  }
  return [];
}

const found = [DestinationDefinition, IntegrationDefinition, WebhookDefinition].flatMap((schema) =>
  literalsIn(schema).map(([path, input]) => ({ schema, path: path.slice(1), input })),
);

test('the fields that hold a secret are found', () => {
  const paths = new Set(found.map(({ path }) => path));
  expect(paths).toContain('source.password');
  expect(paths).toContain('source.privateKey');
  expect(paths).toContain('writeKey');
  expect(paths).toContain('headers.X-Any');
  expect(paths).toContain('signingSecret');
});

test.each(found)('a literal secret in $path is refused, and not echoed', ({ schema, path, input }) => {
  const place = schema === WebhookDefinition ? { secretFields: WEBHOOK_SECRET_FIELDS } : {};
  const read = check(schema as z.ZodType, input, place);
  const problems = read.ok ? [] : read.problems;
  expect(problems.some((problem) => problem.startsWith(`${path}: `))).toBe(true);
  expect(problems.join('\n')).not.toContain('hunter2');
});
