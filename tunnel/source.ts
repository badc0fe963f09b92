import { withPages } from '../connectors/reading.ts';
import type { Address, QueryRequest, QueryResult, Source } from '../connectors/source.ts';
import type { SharedTunnels } from './shared.ts';
import type { Tunnel, TunnelRequest } from './tunnel.ts';

/**
 * Opens a source through a tunnel, which is released with it. What fails because of the tunnel says so.
 *
 * @param open opens the source at an address on this machine.
 */
export async function openThroughTunnel(
  tunnels: SharedTunnels,
  request: TunnelRequest,
  signal: AbortSignal,
  open: (at: Address) => Promise<Source>,
): Promise<Source> {
  const { tunnel, release } = await tunnels.use(request, signal);
  try {
    return throughTunnel(await open(tunnel.address), tunnel, release);
  } catch (error) {
    const explained = tunnel.explain(error);
    await release();
    throw explained;
  }
}

function throughTunnel(source: Source, tunnel: Tunnel, release: () => Promise<void>): Source {
  const explain = (error: unknown): never => {
    throw tunnel.explain(error);
  };
  return {
    clock: () => source.clock().catch(explain),
    async query(request: QueryRequest): Promise<QueryResult> {
      const result = await source.query(request).catch(explain);
      return withPages(result, (pages) => explained(pages, explain));
    },
    async close() {
      await source.close();
      await release();
    },
  };
}

async function* explained<Page>(
  pages: AsyncIterable<Page>,
  explain: (error: unknown) => never,
): AsyncGenerator<Page> {
  try {
    yield* pages;
  } catch (error) {
    explain(error);
  }
}
