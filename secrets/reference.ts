import { z } from 'zod';

/** A value that `seal` has made. */
export type SealedText = `sealed:${string}`;

const NAME_WORDS =
  'must name a secret of the worker with 1 to 60 characters of a-z, 0-9 and "-", such as "shop-password"';
const LITERAL_WORDS =
  'must name a secret of the worker, as in `{ secret: shop-password }`, or be a value that `rowcast seal` has made; a literal secret is refused, because definitions are readable in Temporal';
const BROKEN_WORDS =
  'begins like a sealed value and is none, or not a whole one; make it with `rowcast seal`, and copy all of its one line';

/** Long enough for a private key of 8,192 bits, and short enough for the state of a workflow. */
const SEALED = /^sealed:[A-Za-z0-9_-]{100,20000}$/;

/** Text that is meant as a sealed value, whether it is one or not. */
const meantAsSealed = (value: unknown) => typeof value === 'string' && /^\s*sealed:/i.test(value);

/** What is wrong with a text that is meant as a sealed value; null for what is not meant so, or is one. */
export function brokenSeal(value: unknown): string | null {
  return meantAsSealed(value) && !isSealed(value) ? BROKEN_WORDS : null;
}

export const isSealed = (value: unknown): value is SealedText =>
  typeof value === 'string' && SEALED.test(value);

const NamedSecret = z.strictObject(
  { secret: z.string(NAME_WORDS).regex(/^[a-z0-9-]{1,60}$/, NAME_WORDS) },
  { error: () => LITERAL_WORDS },
);

/**
 * A secret that only the worker can read: its name there, or its value, sealed. A literal secret is refused, and not
 * echoed.
 */
export const SecretReference = z.union([z.custom<SealedText>(isSealed, { abort: true }), NamedSecret], {
  error: ({ input }) => brokenSeal(input) ?? LITERAL_WORDS,
});
export type SecretReference = z.output<typeof SecretReference>;

/** How a message names a secret, without its value. */
export function secretWords(reference: SecretReference): string {
  return typeof reference === 'string' ? 'the sealed value' : `the secret ${reference.secret}`;
}
