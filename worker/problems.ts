import type { FailureCode } from '../errors.ts';
import { discreetWords } from '../workflows/discreetWords.ts';
import type { Log } from './log.ts';

/** What an activity works on. */
export interface Work {
  /** Work of the same name shares its problems: the lanes of a run do. */
  readonly name: string;
  readonly activity: string;
  /** Null where it is not a sync's. */
  readonly sync: string | null;
  /** Null where it is not a run's. */
  readonly run: string | null;
}

export interface Problem {
  readonly code: FailureCode;
  readonly message: string;
  /** Where a bug is: its name and the places in the code, without its words. */
  readonly stack?: string;
}

interface Trouble {
  readonly codes: Set<FailureCode>;
  readonly sinceMs: number;
  lastMs: number;
}

/** Trouble that comes back within so many milliseconds was not over. */
const QUIET_MS = 60_000;

/** What was not heard of for longer is forgotten; its run has ended elsewhere. */
const FORGOTTEN_AFTER_MS = 48 * 3_600_000;

/** The problems that work waits for, each told once: when it begins, and when it is over. */
export class Problems {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #troubles = new Map<string, Trouble>();

  constructor(log: Log, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  /** An attempt failed. @param isFinal no other one follows */
  met(work: Work, { code, message, stack }: Problem, isFinal = false): void {
    const nowMs = this.#now();
    const trouble = this.#troubles.get(work.name) ?? { codes: new Set(), sinceMs: nowMs, lastMs: nowMs };
    this.#forgetOld(nowMs);
    this.#troubles.set(work.name, trouble);
    trouble.lastMs = nowMs;
    if (trouble.codes.has(code)) return;
    trouble.codes.add(code);
    const { activity, sync, run } = work;
    const level = code === 'internal_error' ? 'error' : 'warn';
    this.#log[level](`${nameOf(work)} ${isFinal ? 'failed' : 'waits'}: ${discreetWords(code, message)}`, {
      ...{ code, sync, run, activity, stack },
    });
  }

  /** Something succeeded. */
  moved(work: Work): void {
    const trouble = this.#troubles.get(work.name);
    if (trouble === undefined || this.#now() - trouble.lastMs < QUIET_MS) return;
    this.#troubles.delete(work.name);
    const seconds = Math.round((trouble.lastMs - trouble.sinceMs) / 1_000);
    const code = [...trouble.codes].join(', ');
    const { activity, sync, run } = work;
    this.#log.info(`${nameOf(work)} goes on, after ${seconds} s of ${code}.`, {
      ...{ code, sync, run, activity, seconds },
    });
  }

  /** A run has ended, and its record says how. */
  ended(run: string): void {
    this.#troubles.delete(run);
  }

  #forgetOld(nowMs: number): void {
    for (const [name, { lastMs }] of this.#troubles) {
      if (nowMs - lastMs > FORGOTTEN_AFTER_MS) this.#troubles.delete(name);
    }
  }
}

function nameOf({ sync, activity }: Work): string {
  return sync ?? activity;
}
