import type { Rate } from './destination.ts';
import { pause } from './pause.ts';

/** Lets requests through as fast as a rate allows. */
export interface RateLimiter {
  /**
   * Resolves when the next request may go out; first come, first served.
   *
   * @returns what is to be called once the request is over, however it ended.
   * @throws the reason of the signal.
   */
  pass(signal: AbortSignal): Promise<() => void>;
}

/** What a limiter knows of time. */
export interface Clock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** @throws the reason of the signal. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

const CLOCK: Clock = { now: () => performance.now(), pause };

/**
 * At most `requests` in any span of `perMs`, as the destination counts them. There are as many places; a request
 * takes one, and the next may take it so long after the request was over. It may have been on its way until then,
 * for a new connection or through a slow network, so the moment in which it went out says too little.
 */
export function createRateLimiter({ requests, perMs }: Rate, clock: Clock = CLOCK): RateLimiter {
  const places = new Places(requests);
  return {
    async pass(signal) {
      const overAt = await places.take(signal);
      try {
        while (clock.now() < overAt + perMs) await clock.pause(overAt + perMs - clock.now(), signal);
        signal.throwIfAborted();
      } catch (error) {
        places.giveBack(overAt);
        throw error;
      }
      return () => places.giveBack(clock.now());
    },
  };
}

/** Places for requests, each with the moment in which the last request that had it was over. */
class Places {
  #unused: number;
  readonly #free: number[] = [];
  /** Those who wait for a place, the first one first. */
  readonly #waiting = new Set<(overAt: number) => void>();

  constructor(count: number) {
    this.#unused = count;
  }

  /** Takes a place, and answers its moment: the distant past for one that nobody had. @throws the reason of the signal. */
  async take(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (this.#unused > 0) {
      this.#unused -= 1;
      return -Infinity;
    }
    return this.#free.shift() ?? (await this.#nextGivenBack(signal));
  }

  giveBack(overAt: number): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free.push(overAt);
    else next(overAt);
  }

  async #nextGivenBack(signal: AbortSignal): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const receive = (overAt: number) => {
      leave();
      resolve(overAt);
    };
    const giveUp = () => {
      leave();
      reject(signal.reason as Error);
    };
    const leave = () => {
      this.#waiting.delete(receive);
      signal.removeEventListener('abort', giveUp);
    };
    this.#waiting.add(receive);
    signal.addEventListener('abort', giveUp);
    return await promise;
  }
}
