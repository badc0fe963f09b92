import { within } from '../interrupts.ts';
import type { DriverConnection } from './driver.ts';
import { execute } from './statements.ts';

/** Asks the service to stop a statement, and waits until it has taken note. It never throws. */
export async function cancelQuery(
  connection: DriverConnection,
  queryId: string,
  timeoutMs: number,
): Promise<void> {
  const sql = `SELECT SYSTEM$CANCEL_QUERY('${queryId}') AS done`;
  await within(timeoutMs, execute(connection, sql)).catch(() => undefined);
}
