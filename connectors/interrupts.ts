/** What ends each wait under way when a connection is lost. */
export class Interrupts {
  readonly #interrupts = new Set<(reason: unknown) => void>();
  #lost: Error | undefined;

  /** The connection is lost: every wait ends with this, those that come later too. */
  lose(error: Error): void {
    this.#lost ??= error;
    for (const interrupt of this.#interrupts) interrupt(error);
  }

  /**
   * Waits for an answer, for the loss of the connection, or for the signal, whichever comes first.
   *
   * It races against a promise of its own: one that lives as long as the connection would hold every page.
   */
  async wait<Result>(ask: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted();
    if (this.#lost !== undefined) throw this.#lost;
    const { promise: interrupted, reject: interrupt } = Promise.withResolvers<never>();
    const onAbort = () => interrupt(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#interrupts.add(interrupt);
    const answer = ask();
    answer.catch(() => undefined); // Whoever wins the race, the other is done with.
    try {
      return await Promise.race([answer, interrupted]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#interrupts.delete(interrupt);
    }
  }
}

/** The answer to a task, which is given up after a while. @throws Error when it is. */
export async function within<Result>(ms: number, task: Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  task.catch(() => undefined);
  try {
    return await Promise.race([task, late]);
  } finally {
    clearTimeout(timer);
  }
}
