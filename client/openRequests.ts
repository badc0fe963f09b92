import { setTimeout as sleep } from 'node:timers/promises';
import { defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { RowcastError } from '../errors.ts';

/** Temporal's client waits no longer than this before it tries again, in milliseconds. */
const RETRY_AFTER_MAX_MS = 10_000;

/**
 * What was asked of Temporal and is not answered yet. A connection may only be closed once no retry is to come:
 * on a closed one it would end the process.
 */
export class OpenRequests {
  #isClosing = false;
  readonly #requests = new Set<Promise<unknown>>();

  /** The retries of Temporal's client, until `settle` is called. */
  retries() {
    const retries = defaultGrpcRetryOptions();
    return makeGrpcRetryInterceptor({
      ...retries,
      retryableDecider: (attempt, status) => !this.#isClosing && retries.retryableDecider(attempt, status),
    });
  }

  /** @throws RowcastError temporal_unreachable once the client was closed. */
  async add<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    if (this.#isClosing) {
      throw new RowcastError('temporal_unreachable', 'This client of Rowcast was closed; connect again.');
    }
    const open = request();
    this.#requests.add(open);
    try {
      return await open;
    } finally {
      this.#requests.delete(open);
    }
  }

  /** Refuses further requests, and waits until no retry of the open ones can come any more. */
  async settle(): Promise<void> {
    this.#isClosing = true;
    const waited = new AbortController();
    const longest = sleep(RETRY_AFTER_MAX_MS, undefined, { signal: waited.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#requests), longest]);
    waited.abort();
  }
}
