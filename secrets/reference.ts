import { z } from 'zod';

const NAME_WORDS =
  'must name a secret of the worker with 1 to 60 characters of a-z, 0-9 and "-", such as "shop-password"';

/**
 * The name of a secret, which only the worker can resolve. A literal secret is refused, and not echoed.
 */
export const SecretReference = z.strictObject(
  {
    secret: z.string(NAME_WORDS).regex(/^[a-z0-9-]{1,60}$/, NAME_WORDS),
  },
  {
    error: () =>
      'must name a secret of the worker, as in `{ secret: shop-password }`; a literal secret is refused, because definitions are readable in Temporal',
  },
);
export type SecretReference = z.output<typeof SecretReference>;
