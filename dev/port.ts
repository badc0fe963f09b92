import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/*
 * Where ports are drawn from: below those that Linux gives to connections that go out (32768 to 60999), so that a
 * server that was stopped finds its port free when it starts again.
 */
const LOWEST = 15_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;

/** The preferred port (0: none) where it is free on this machine, else any other that is. */
export async function freePort(preferred = 0): Promise<number> {
  if (preferred > 0 && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port was found between ${LOWEST} and ${HIGHEST} in ${ATTEMPTS} attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
