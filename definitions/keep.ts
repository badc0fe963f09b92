import { z } from 'zod';
import { Duration } from './duration.ts';

const KeptFor = (example: string) =>
  z
    .union([z.literal(0), Duration(example)], {
      error: `must be a duration in words, such as "${example}", or 0 for none`,
    })
    .optional();

/** For how long the imports of a sync, its failed rows, and its first delivered calls are kept; 0: not at all. */
export const Keep = z.strictObject({
  imports: KeptFor('400 days'),
  errors: KeptFor('14 days'),
  calls: KeptFor('7 days'),
});
