import { z } from 'zod';
import { serverFields } from '../serverFields.ts';

/** SQL Server, Azure SQL and what speaks their protocol. */
export const MssqlConfig = z.strictObject({ kind: z.literal('mssql'), ...serverFields(1_433) });
export type MssqlConfig = z.output<typeof MssqlConfig>;
