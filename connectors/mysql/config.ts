import { z } from 'zod';
import { serverFields } from '../serverFields.ts';

/** MySQL, MariaDB and what speaks their protocol. */
export const MysqlConfig = z.strictObject({ kind: z.literal('mysql'), ...serverFields(3_306) });
export type MysqlConfig = z.output<typeof MysqlConfig>;
