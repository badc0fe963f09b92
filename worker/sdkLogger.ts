import type { Logger, LogLevel, LogMetadata } from '@temporalio/worker';
import { messageOf } from '../errors.ts';
import type { FailureCode } from '../errors.ts';
import type { Level, Log } from './log.ts';

/** What Temporal's SDK would say of activities and workflows that fail; Rowcast says it itself, with its code, once. */
const SAID_ELSEWHERE =
  /^(No workflows registered|Activity failed|Workflow failed|Workflow completed as cancelled)/;

/** Each of a worker's pollers says so for itself, again and again. */
const NO_ANSWER = /^gRPC call \S+ retried \d+ times/;

/** The same words come no more often than this, in milliseconds: clients of a server that is away repeat theirs. */
const AGAIN_AFTER_MS = 10 * 60_000;

/** So many different words are remembered. */
const WORDS_MAX = 1_000;

/** Warnings and errors of Temporal's SDK, each once in a while. */
export class SdkLogger implements Logger {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #saidAtMs = new Map<string, number>();

  constructor(log: Log, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  log(level: LogLevel, message: string, meta?: LogMetadata): void {
    if (level === 'ERROR') this.error(message, meta);
    else if (level === 'WARN') this.warn(message, meta);
  }

  trace(): void {
    // Nothing that operators need.
  }

  debug(): void {
    // Nothing that operators need.
  }

  info(): void {
    // Nothing that operators need.
  }

  warn(message: string, meta?: LogMetadata): void {
    this.#say('warn', message, meta);
  }

  error(message: string, meta?: LogMetadata): void {
    this.#say('error', message, meta);
  }

  #say(level: Level, message: string, meta: LogMetadata = {}): void {
    if (SAID_ELSEWHERE.test(message)) return;
    const { sdkComponent, workflowId } = meta as { sdkComponent?: string; workflowId?: string };
    const detail = detailOf(meta);
    if (NO_ANSWER.test(message)) {
      if (this.#isRepeated('no answer')) return;
      const code = 'temporal_unreachable' satisfies FailureCode;
      this.#log.warn('Temporal does not answer; the worker goes on trying.', { code, detail });
    } else if (!this.#isRepeated(`${message} ${detail ?? ''} ${workflowId ?? ''}`)) {
      this.#log[level](`Temporal's SDK: ${message}`, { component: sdkComponent, workflowId, detail });
    }
  }

  #isRepeated(words: string): boolean {
    // Attempts, ports and times differ each time.
    const key = words.replace(/\d+/g, '#');
    const nowMs = this.#now();
    const saidAtMs = this.#saidAtMs.get(key);
    if (saidAtMs !== undefined && nowMs - saidAtMs < AGAIN_AFTER_MS) return true;
    if (this.#saidAtMs.size >= WORDS_MAX) this.#saidAtMs.clear();
    this.#saidAtMs.set(key, nowMs);
    return false;
  }
}

/** Longer ones are cut: the SDK shows whole requests in some. */
const DETAIL_CHARS_MAX = 500;

function detailOf(meta: LogMetadata): string | undefined {
  const { error, err } = meta as { error?: unknown; err?: unknown };
  const cause = error ?? err;
  return cause === undefined ? undefined : messageOf(cause).slice(0, DETAIL_CHARS_MAX);
}
