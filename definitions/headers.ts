import { z } from 'zod';
import { brokenSeal, SecretReference } from '../secrets/reference.ts';

/** A field name of HTTP. Source: RFC 9110, section 5.6.2. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const NAME_WORDS = 'is not the name of an HTTP header; give one such as "X-Api-Key"';

/** What Rowcast or the connection sets itself; an answer that comes compressed could not be read. */
const OWN: ReadonlySet<string> = new Set(
  (
    'accept-encoding connection content-encoding content-length content-type expect host ' +
    'keep-alive te trailer transfer-encoding upgrade'
  ).split(' '),
);
const AUTHORIZATION_WORDS = 'is what `writeKey` is sent as (Basic); remove it';
const OWN_WORDS = 'is set by Rowcast itself; remove it';

/** Printable characters of ASCII, since others mean different things to different servers. */
const VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const VALUE_WORDS =
  'must be text of 1 to 4000 printable ASCII characters, a secret of the worker as in `{ secret: shop-api-key }`, or a value that `rowcast seal` has made';

/** What is meant as a sealed value is never sent as it stands. */
const PlainValue = z
  .string()
  .refine((text) => !text.startsWith('sealed:'), { abort: true })
  .max(4_000, VALUE_WORDS)
  .regex(VALUE, VALUE_WORDS);

const HeaderValue = z.union([PlainValue, SecretReference], {
  error: ({ input }) => brokenSeal(input) ?? VALUE_WORDS,
});

/** Headers of one's own: plain text, readable in Temporal, or secrets, which only the worker knows. */
export const Headers = z
  .record(
    z.string(),
    HeaderValue,
    'must be a mapping of names to values, such as { X-Api-Key: { secret: shop-api-key } }',
  )
  .superRefine((headers, context) => {
    const seen = new Set<string>();
    for (const name of Object.keys(headers)) {
      const problem = problemOf(name, seen);
      if (problem !== null) context.addIssue({ code: 'custom', path: [name], message: problem });
      seen.add(name.toLowerCase());
    }
  });
export type Headers = z.output<typeof Headers>;

function problemOf(name: string, seen: ReadonlySet<string>): string | null {
  if (!NAME.test(name)) return NAME_WORDS;
  if (name.toLowerCase() === 'authorization') return AUTHORIZATION_WORDS;
  if (OWN.has(name.toLowerCase())) return OWN_WORDS;
  return seen.has(name.toLowerCase()) ? 'stands twice, in another letter case; keep one of them' : null;
}
