import { z } from 'zod';
import { serverFields } from '../serverFields.ts';

export const PostgresConfig = z.strictObject({ kind: z.literal('postgres'), ...serverFields(5_432) });
export type PostgresConfig = z.output<typeof PostgresConfig>;
