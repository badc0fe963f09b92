import type { Socket } from 'node:net';
import mysql from 'mysql2';
import type { Connection, ConnectionOptions } from 'mysql2';

/**
 * Asks the server, over a connection of its own, to stop the statement that a connection is at work on, and waits
 * until the server has taken note. It never throws.
 *
 * @param threadId the number of the connection, by the server's count.
 * @returns false where the server could not be asked, because it is away or the user has no connection left.
 */
export async function killQuery(
  options: ConnectionOptions,
  threadId: string,
  timeoutMs: number,
): Promise<boolean> {
  const connection = mysql.createConnection(options);
  const { promise: ended, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  connection.on('error', () => resolve(false));
  connection.query(`KILL QUERY ${threadId}`, (error) => resolve(error === null));
  const isDone = await ended;
  clearTimeout(timer);
  dropConnection(connection);
  return isDone;
}

/**
 * Ends a connection at once. What mysql2 calls `destroy` only says that nothing more will be written, and goes on
 * reading to the end of the result.
 */
export function dropConnection(connection: Connection): void {
  connection.destroy();
  (connection as unknown as { stream: Socket }).stream.destroy();
}
