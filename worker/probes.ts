import { once } from 'node:events';
import { createServer } from 'node:http';
import { cannotListen } from './address.ts';
import type { ListenAddress } from './address.ts';

export const PROBES_VARIABLE = 'ROWCAST_HEALTH_ADDRESS';

/** What a probe asks; each answers what is wrong, in sentences, and nothing where all is well. */
export interface Checks {
  /** Whether this process can still do its work; a restart is the cure. */
  alive(): readonly string[];
  /** Whether it can do its work now. */
  ready(): Promise<readonly string[]>;
}

/**
 * Serves `/healthz` and `/readyz`: 200, or 503 with what is wrong.
 *
 * @throws RowcastError definition_invalid where the address cannot be listened on.
 */
export async function serveProbes(address: ListenAddress, checks: Checks): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    void answer(request.url ?? '', checks).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    });
  });
  try {
    server.listen(address.port, address.host);
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(PROBES_VARIABLE, address, error);
  }
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(url: string, checks: Checks): Promise<{ status: number; body: object }> {
  const path = url.replace(/\?.*$/, '');
  if (path !== '/healthz' && path !== '/readyz') {
    return { status: 404, body: { problems: ['There is /healthz, and /readyz.'] } };
  }
  const problems = path === '/healthz' ? checks.alive() : [...checks.alive(), ...(await checks.ready())];
  return { status: problems.length === 0 ? 200 : 503, body: { problems } };
}
