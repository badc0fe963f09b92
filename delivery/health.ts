import type { RowcastError } from '../errors.ts';

/** How long those who have sent nothing yet wait for the scout to find out about a destination. */
const SCOUTING_MS = 1_000;
/** How long everybody goes on trying through trouble; beyond that, only the scout does. */
const SHARED_TROUBLE_MS = 2_000;
/** Silence is trouble after this, or after twice the slowest recent answer where that is longer. */
const SILENCE_MIN_MS = 5_000;
/** With each answer the slowest one before it counts for less. */
const SLOWEST_FADES = 0.9;
/** Whoever leaves stays away for half as long as the trouble has lasted, within these bounds, and a bit by chance. */
const REST_MIN_MS = 2_000;
const REST_MAX_MS = 60_000;
/** Newcomers do not even ask before a Retry-After that somebody else was given is over, or so much of it. */
const QUIET_MAX_MS = 10_000;
const LOOK_EVERY_MS = 250;

const NO_ANSWER = 'no answer so far';
const QUIET = 'it asked to be left alone';

/** Somebody who sends to a destination, and holds a slot while it does. */
export interface Visitor {
  /** What it fails with when it has to leave. @param restMs how long to stay away, in milliseconds. */
  unavailable(words: string, restMs: number): RowcastError;
}

/** One batch of a visitor on its way to the destination. */
export interface Visit extends Disposable {
  /** Aborted with the visitor's failure when it has to leave, or with its own signal's reason. */
  readonly signal: AbortSignal;
  /** Resolves when a request may go out. @throws the reason of the signal. */
  admitted(): Promise<void>;
  /** A request goes out now. */
  asks(): void;
  /** It was answered with anything that says that the destination works. */
  isAnswered(): void;
  /** It has failed, and may be tried again. @param afterMs how long the destination asked to be left alone. */
  hasFailed(words: string, afterMs: number | null): void;
}

/**
 * How a destination is doing, as all who send to it from one worker know it together.
 *
 * Whoever sends holds one of the worker's slots. With a hundred syncs due on a dead destination, and each of them
 * patient, nothing would be left for the others. So the visitor that has been at it longest is the *scout*: it alone
 * goes on trying, and everybody else leaves as soon as it is known that there is trouble, to be called again by
 * Temporal, which holds no slot meanwhile. What the scout finds out holds for all:
 *
 * - where nothing was heard of the destination lately, the others wait a second for the scout's first answer;
 * - where requests fail, the others go on for two seconds; one answered request ends the trouble for everybody;
 * - where there is no answer at all, the others give their requests up (they may have been taken; ids make that
 *   safe) after five seconds, or twice as long as it has lately taken to answer. The scout's own request goes on until
 *   its time-out, so that a destination that is only slow is waited for, and teaches how long.
 */
export class Health {
  /** The oldest first. */
  readonly #visits = new Set<OpenVisit>();
  #wellMs = -Infinity;
  /** When anything was last heard: an answer, or a failure. */
  #newsMs = -Infinity;
  #trouble: { readonly sinceMs: number; readonly words: string } | null = null;
  #quietUntilMs = -Infinity;
  #slowestMs = 0;
  #watch: NodeJS.Timeout | undefined;

  /** @throws the visitor's failure where the destination has asked to be left alone. */
  enter(visitor: Visitor, signal: AbortSignal): Visit {
    signal.throwIfAborted();
    const isNew = ![...this.#visits].some((other) => other.visitor === visitor);
    if (isNew && performance.now() < this.#quietUntilMs) {
      throw visitor.unavailable(this.#trouble?.words ?? QUIET, this.restMs());
    }
    const visit = new OpenVisit(visitor, signal, this);
    this.#visits.add(visit);
    this.#watch ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
    return visit;
  }

  /** What is wrong now, as the destination or the connection said last; null where nothing is known to be. */
  get trouble(): string | null {
    if (this.#silentMs > this.#patienceMs) return NO_ANSWER;
    return this.#isNewsFresh ? (this.#trouble?.words ?? null) : null;
  }

  /** How long there has been trouble, in milliseconds; 0 where there is none. */
  get troubleMs(): number {
    return this.#trouble === null ? 0 : performance.now() - this.#trouble.sinceMs;
  }

  /** How long to stay away, in milliseconds. */
  restMs(): number {
    const lastedMs = Math.max(this.troubleMs, this.#silentMs);
    const restMs = Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, lastedMs / 2));
    const quietMs = Math.max(0, this.#quietUntilMs - performance.now());
    return Math.round(Math.max(restMs, quietMs) + (Math.random() * restMs) / 2);
  }

  answered(tookMs: number): void {
    this.#wellMs = this.#newsMs = performance.now();
    this.#trouble = null;
    this.#quietUntilMs = -Infinity;
    this.#slowestMs = Math.max(tookMs, this.#slowestMs * SLOWEST_FADES);
    this.#look();
  }

  failed(askedMs: number, words: string, afterMs: number | null): void {
    this.#newsMs = performance.now();
    this.#trouble = { sinceMs: this.#trouble?.sinceMs ?? Math.max(askedMs, this.#wellMs), words };
    if (afterMs !== null) this.#quietUntilMs = this.#newsMs + Math.min(QUIET_MAX_MS, afterMs);
    this.#look();
  }

  left(visit: OpenVisit): void {
    this.#visits.delete(visit);
    if (this.#visits.size > 0) return this.#look();
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** Sends away who has to leave, and lets in who has waited for good news. */
  #look(): void {
    const forAll = this.#reasonToLeave();
    const forNewcomers = forAll ?? this.#reasonNotToWait();
    const scout = this.#oldest?.visitor;
    for (const visit of this.#visits) {
      const words = visit.isAdmitted ? forAll : forNewcomers;
      if (visit.visitor === scout) visit.admit();
      else if (words !== null) visit.leave(words);
      else if (this.#trouble === null && this.#isNewsFresh) visit.admit();
    }
  }

  get #oldest(): OpenVisit | undefined {
    const [oldest] = this.#visits;
    return oldest;
  }

  #reasonToLeave(): string | null {
    const isSilent = this.#silentMs > this.#patienceMs;
    return isSilent || this.troubleMs > SHARED_TROUBLE_MS ? this.trouble : null;
  }

  /** Where nothing was heard lately, and the scout hears nothing either. */
  #reasonNotToWait(): string | null {
    const scoutingMs = performance.now() - (this.#oldest?.startMs ?? Infinity);
    if (this.#isNewsFresh || scoutingMs <= SCOUTING_MS) return null;
    return this.#trouble?.words ?? NO_ANSWER;
  }

  get #patienceMs(): number {
    return Math.max(SILENCE_MIN_MS, 2 * this.#slowestMs);
  }

  /** What was heard longer ago says nothing any more. */
  get #isNewsFresh(): boolean {
    return performance.now() - this.#newsMs <= 2 * this.#patienceMs;
  }

  /** How long requests have been out with nothing heard since. */
  get #silentMs(): number {
    const firstMs = Math.min(...[...this.#visits].map(({ askedMs }) => askedMs ?? Infinity));
    return Math.max(0, performance.now() - Math.max(firstMs, this.#newsMs));
  }
}

class OpenVisit implements Visit {
  readonly visitor: Visitor;
  readonly startMs = performance.now();
  readonly #given: AbortSignal;
  readonly #health: Health;
  readonly #halt = new AbortController();
  readonly #admission = Promise.withResolvers<true>();
  /** When its request went out; null where none is under way. */
  askedMs: number | null = null;
  isAdmitted = false;

  constructor(visitor: Visitor, signal: AbortSignal, health: Health) {
    this.visitor = visitor;
    this.#given = signal;
    this.#health = health;
    signal.addEventListener('abort', this.#follow);
  }

  get signal(): AbortSignal {
    return this.#halt.signal;
  }

  async admitted(): Promise<void> {
    await this.#admission.promise;
    this.signal.throwIfAborted();
  }

  asks(): void {
    this.askedMs = performance.now();
  }

  isAnswered(): void {
    this.#health.answered(performance.now() - this.#endRequest());
  }

  hasFailed(words: string, afterMs: number | null): void {
    this.#health.failed(this.#endRequest(), words, afterMs);
  }

  #endRequest(): number {
    const askedMs = this.askedMs ?? performance.now();
    this.askedMs = null;
    return askedMs;
  }

  admit(): void {
    this.isAdmitted = true;
    this.#admission.resolve(true);
  }

  leave(words: string): void {
    if (!this.signal.aborted) this.#end(this.visitor.unavailable(words, this.#health.restMs()));
  }

  readonly #follow = () => this.#end(this.#given.reason);

  #end(reason: unknown): void {
    this.#halt.abort(reason);
    this.#admission.resolve(true);
  }

  [Symbol.dispose](): void {
    this.#given.removeEventListener('abort', this.#follow);
    this.#health.left(this);
  }
}
