import type { ImportRecord, Progress, WatchedImport } from '../client/index.ts';
import { count, duration, printable, terminalWidth } from './output.ts';

/** Where the output is no terminal, a run has a line no more often than this. */
const LINE_EVERY_MS = 3_000;

const BAR_CHARS = 20;

/** Shows a run's progress: one line that changes on a terminal, a line now and then elsewhere. */
export async function showProgress(watched: AsyncIterable<Progress>): Promise<void> {
  const shown = process.stdout.isTTY ? new Screen() : new Lines();
  for await (const progress of watched) shown.show([{ key: '', words: wordsOf(progress, shown.hasBars) }]);
  shown.end();
}

/** Shows the progress of all runs, and how they end. */
export async function showAllProgress(watched: AsyncIterable<readonly WatchedImport[]>): Promise<void> {
  const shown = process.stdout.isTTY ? new Screen('No run is under way.') : new Lines();
  for await (const all of watched) {
    for (const { run, ended } of all) if (ended !== null) shown.say(run, endWords(ended));
    const running = all.filter((progress) => progress.running);
    shown.show(
      running.map((progress) => ({
        key: progress.run,
        words: `${progress.sync ?? progress.run}: ${wordsOf(progress, shown.hasBars) || 'beginning'}`,
      })),
    );
  }
}

interface Line {
  /** Which run it is about. */
  readonly key: string;
  readonly words: string;
}

/** A terminal, whose last lines change. */
class Screen {
  readonly hasBars = true;
  /** Shown where there is nothing to show. */
  readonly #nothing: string;
  #painted = 0;

  constructor(nothing = '') {
    this.#nothing = nothing;
  }

  show(lines: readonly Line[]): void {
    const words = lines.map((line) => line.words).filter((text) => text !== '');
    const room = Math.max(1, (process.stdout.rows || 24) - 2);
    const more = words.length > room ? [`and ${words.length - room} more`] : [];
    const all = [...words.slice(0, room), ...more];
    this.#clear();
    const texts = all.length === 0 && this.#nothing !== '' ? [this.#nothing] : all;
    process.stdout.write(texts.map((text) => `${oneLine(printable(text))}\n`).join(''));
    this.#painted = texts.length;
  }

  /** A line that stays. */
  say(_key: string, words: string): void {
    this.#clear();
    process.stdout.write(`${printable(words)}\n`);
  }

  end(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#painted > 0) process.stdout.write(`\u001b[${this.#painted}A\r\u001b[J`);
    this.#painted = 0;
  }
}

/** A file or a pipe, which takes lines. */
class Lines {
  readonly hasBars = false;
  /** When a run last had a line, in milliseconds, and what it said. */
  readonly #said = new Map<string, { readonly ms: number; readonly words: string }>();

  show(lines: readonly Line[]): void {
    const nowMs = performance.now();
    for (const { key, words } of lines) {
      const before = this.#said.get(key) ?? { ms: nowMs, words: '' };
      const isDue = nowMs - before.ms >= LINE_EVERY_MS && words !== '' && words !== before.words;
      if (isDue) process.stdout.write(`${printable(words)}\n`);
      this.#said.set(key, isDue ? { ms: nowMs, words } : before);
    }
  }

  say(key: string, words: string): void {
    process.stdout.write(`${printable(words)}\n`);
    this.#said.delete(key);
  }

  end(): void {
    this.#said.clear();
  }
}

/** A line that is wider than the terminal could not be cleared. */
function oneLine(line: string): string {
  const flat = line.replace(/\s+/g, ' ');
  return flat.length < terminalWidth() ? flat : `${flat.slice(0, terminalWidth() - 2)}…`;
}

/** Nothing while nothing is known: a run that has read no row yet may still be connecting. */
function wordsOf(progress: Progress, hasBar: boolean): string {
  const { rows, reread, delivered, failed, rate, secondsLeft, trouble } = progress;
  const waiting = trouble === null ? '' : ` (${trouble})`;
  const speed = rate === null ? [] : [`${count(Math.round(rate))}/s`];
  if (delivered !== null) {
    const of = rows === null ? '' : ` of ${count(rows)}`;
    const left = secondsLeft === null ? [] : [`${leftWords(secondsLeft)} left`];
    const counts = [`${count(delivered)}${of} delivered`, `${count(failed)} failed`, ...speed, ...left];
    const bar = hasBar && rows !== null ? `${barOf(delivered + (failed ?? 0), rows)} ` : '';
    return `delivering: ${bar}${counts.join(', ')}${waiting}`;
  }
  if (rows === null || rows === 0) return trouble ?? '';
  const bad = failed === null || failed === 0 ? [] : [`${count(failed)} failed`];
  const again = reread === null ? [] : [`${count(reread)} of them read again after a break`];
  return `reading: ${[`${count(rows)} rows`, ...bad, ...again, ...speed].join(', ')}${waiting}`;
}

function barOf(done: number, all: number): string {
  const share = all === 0 ? 1 : Math.min(1, done / all);
  const full = Math.floor(share * BAR_CHARS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARS - full)} ${Math.floor(share * 100)} %`;
}

function leftWords(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
}

function endWords({ sync, outcome, rows, delivered, failed }: ImportRecord): string {
  return `${sync}: ${outcome}, ${count(rows)} rows read, ${count(delivered)} delivered, ${count(failed)} failed`;
}
