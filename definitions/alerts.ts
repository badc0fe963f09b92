import { z } from 'zod';
import { percentIn } from './alertLimits.ts';
import { Duration } from './duration.ts';

const PERCENT_WORDS = 'must be a percentage of 0% to 100%, such as "5%"';

/** From when on webhooks are told of a sync. */
export const Alerts = z.strictObject({
  /** A run that is not done so long after it was due is late; by default once the next one is due. */
  lateAfter: Duration('30 minutes', 1_000).optional(),
  /** A run of which a larger share of rows failed is told of; 10% by default. */
  failedAbove: z
    .string(PERCENT_WORDS)
    .refine((text) => percentIn(text) !== null, PERCENT_WORDS)
    .optional(),
});
