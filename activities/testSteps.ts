import { Interrupts } from '../connectors/interrupts.ts';
import { RowcastError } from '../errors.ts';
import type { TestStep } from '../workflows/contract.ts';

/** What a test of a connection found, a step at a time. */
export class Steps {
  readonly found: TestStep[] = [];
  readonly #redact: (text: string) => string;
  readonly #signal: AbortSignal;

  /** @param redact takes secrets out of a text. @param signal ends a step that hangs. */
  constructor(redact: (text: string) => string, signal: AbortSignal) {
    this.#redact = redact;
    this.#signal = signal;
  }

  passed(step: string, words: string): void {
    this.found.push({ step, ok: true, words });
  }

  /** Notes at which step it failed, and answers the error, to be thrown. */
  failed(step: string, error: unknown): unknown {
    const words = error instanceof RowcastError ? this.#redact(error.message) : '';
    this.found.push({ step, ok: false, words });
    return error;
  }

  /** Does one step, and notes what it found in words. */
  async run<Found>(
    step: string,
    task: () => Promise<Found>,
    wordsOf: (found: Found) => string,
  ): Promise<Found> {
    try {
      const found = await new Interrupts().wait(task, this.#signal);
      this.passed(step, wordsOf(found));
      return found;
    } catch (error) {
      throw this.failed(step, error);
    }
  }
}
