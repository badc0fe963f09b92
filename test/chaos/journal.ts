/** What was done in a round, in order, with the moments at which it was done. */
export class Journal {
  readonly lines: string[] = [];
  readonly #startMs = Date.now();

  note(line: string): void {
    const seconds = ((Date.now() - this.#startMs) / 1_000).toFixed(2).padStart(6);
    this.lines.push(`${new Date().toISOString()} ${seconds} s  ${line}`);
  }
}
