import { createHash } from 'node:crypto';
import type { Rate } from './destination.ts';
import { Health } from './health.ts';
import { createRateLimiter } from './rate.ts';
import type { RateLimiter } from './rate.ts';

/** What all senders to a destination's write key share on a worker, whichever sync sends. */
export interface Shared {
  readonly limiter: RateLimiter;
  readonly health: Health;
}

export class SharedByWriteKey {
  readonly #shared = new Map<string, Shared>();

  of({ url, writeKey, rate }: { url: string; writeKey: string; rate: Rate }): Shared {
    const id = `${url} ${createHash('sha256').update(writeKey).digest('hex')} ${rate.requests}/${rate.perMs}`;
    const shared = this.#shared.get(id) ?? { limiter: createRateLimiter(rate), health: new Health() };
    this.#shared.set(id, shared);
    return shared;
  }
}
