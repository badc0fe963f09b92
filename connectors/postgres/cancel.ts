import pg from 'pg';

/** What a connection has for cancelling; pg's type declarations leave it out. */
interface CancelConnection extends pg.Connection {
  connect(port: number, host: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

/**
 * Asks the server to cancel what a connection is at work on, and waits until the server has taken note. It never
 * throws: where the server cannot be asked, the statement is left to its own end.
 *
 * A cancel request needs no login: it works where the role has no connection left, and through a pooler.
 */
export async function cancelStatement(
  client: pg.Client,
  { host = '', port = 0, ssl = false }: pg.ClientConfig,
  timeoutMs: number,
): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number | null; secretKey: number };
  if (processID === null) return;
  const connection = new pg.Connection({ ssl }) as CancelConnection;
  const { promise: ended, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), timeoutMs);
  connection.on('error', () => resolve(null));
  connection.on('end', () => resolve(null));
  connection.on('connect', () =>
    ssl === false ? connection.cancel(processID, secretKey) : connection.requestSsl(),
  );
  connection.on('sslconnect', () => connection.cancel(processID, secretKey));
  connection.connect(port, host);
  await ended;
  clearTimeout(timer);
  connection.stream.destroy();
}
