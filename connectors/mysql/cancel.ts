import mysql from 'mysql2';
import type { ConnectionOptions } from 'mysql2';

/**
 * Asks the server, over a connection of its own, to stop the statement that a connection is at work on, and waits
 * until the server has taken note. It never throws: where the server cannot be asked, because it is away or the user
 * has no connection left, the statement is left to its own end.
 *
 * @param threadId the number of the connection, by the server's count.
 */
export async function killQuery(
  options: ConnectionOptions,
  threadId: string,
  timeoutMs: number,
): Promise<void> {
  const connection = mysql.createConnection(options);
  const { promise: ended, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), timeoutMs);
  connection.on('error', () => resolve(null));
  connection.query(`KILL QUERY ${threadId}`, () => resolve(null));
  await ended;
  clearTimeout(timer);
  connection.destroy();
}
