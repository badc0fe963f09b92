import { openTunnel } from './tunnel.ts';
import type { Tunnel, TunnelRequest } from './tunnel.ts';

/** The use of a tunnel by one of those that share it. */
export interface TunnelUse {
  readonly tunnel: Tunnel;
  /** The last one to go closes the tunnel. Never throws. */
  readonly release: () => Promise<void>;
}

/** A tunnel, or one that is being opened, and how many use it. */
interface Entry {
  readonly opening: Promise<Tunnel>;
  readonly abort: AbortController;
  users: number;
}

/**
 * The tunnels of a worker. Those who ask for the same one share it while any of them uses it; one that broke is
 * nobody's, so that whoever comes next opens a new one.
 */
export class SharedTunnels {
  readonly #entries = new Map<string, Entry>();

  /** @throws RowcastError as `openTunnel` does; the signal's reason. */
  async use(request: TunnelRequest, signal: AbortSignal): Promise<TunnelUse> {
    signal.throwIfAborted();
    const { config, privateKey, to } = request;
    const id = JSON.stringify([config.host, config.port, config.user, config.hostKey, privateKey, to]);
    const entry = this.#entries.get(id) ?? this.#open(id, request);
    entry.users += 1;
    let isReleased = false;
    const release = async () => {
      if (isReleased) return;
      isReleased = true;
      await this.#release(id, entry);
    };
    try {
      return { tunnel: await unlessAborted(entry.opening, signal), release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  #open(id: string, request: TunnelRequest): Entry {
    const abort = new AbortController();
    const entry: Entry = { opening: openTunnel(request, abort.signal), abort, users: 0 };
    this.#entries.set(id, entry);
    const forget = () => this.#forget(id, entry);
    entry.opening.then((tunnel) => tunnel.ended).then(forget, forget);
    return entry;
  }

  #forget(id: string, entry: Entry): void {
    if (this.#entries.get(id) === entry) this.#entries.delete(id);
  }

  async #release(id: string, entry: Entry): Promise<void> {
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#forget(id, entry);
    entry.abort.abort(new Error('nobody waits for the tunnel any more'));
    const tunnel = await entry.opening.catch(() => null);
    await tunnel?.close();
  }
}

async function unlessAborted<Result>(task: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
