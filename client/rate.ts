/** How far back a rate looks, in milliseconds: several heartbeats. */
const SPAN_MS = 15_000;

/** Too short a time says little, since amounts move a heartbeat at a time. */
const SPAN_MIN_MS = 3_000;

/** How fast an amount grew lately. */
export class Rate {
  readonly #seen: { readonly ms: number; readonly amount: number }[] = [];

  /** Notes an amount, and answers what it grew by in a second; null while too little is known. @param nowMs milliseconds. */
  add(amount: number, nowMs: number): number | null {
    const last = this.#seen.at(-1);
    // It began anew.
    if (last !== undefined && amount < last.amount) this.#seen.length = 0;
    this.#seen.push({ ms: nowMs, amount });
    while ((this.#seen[1]?.ms ?? nowMs) < nowMs - SPAN_MS) this.#seen.shift();
    const first = this.#seen[0] ?? { ms: nowMs, amount };
    const ms = nowMs - first.ms;
    return ms < SPAN_MIN_MS ? null : ((amount - first.amount) * 1_000) / ms;
  }
}
