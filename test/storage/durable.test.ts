import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startChild } from './child.ts';
import { testFolder } from './folder.ts';

/* A power cut cannot be had in a test; what the kernel was asked for, and in which order, can. */

const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

/** The paths that were synced and linked, in order: `sync PATH`, `link PATH`; not those for which that failed. */
function callsIn(trace: string): string[] {
  return readFileSync(trace, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, synced] = /(?:fsync|fdatasync)\(\d+<([^>]*)>/.exec(line) ?? [];
      const [, linked] = /link\("[^"]*", "([^"]*)"\) = 0/.exec(line) ?? [];
      if (synced !== undefined) return [`sync ${synced}`];
      return linked === undefined ? [] : [`link ${linked}`];
    });
}

test.skipIf(!hasStrace)(
  'an object is synced before it gets its name, and its name and new folders right after (skipped without strace)',
  async () => {
    using folder = testFolder();
    const trace = folder.at('trace');
    const storage = folder.at('storage');
    await using child = await startChild({
      by: ['strace', '-f', '-y', '-o', trace, '-e', 'trace=fsync,fdatasync,link'],
    });
    await child.ask({ do: 'open', folder: storage });
    const before = callsIn(trace).length;
    await child.ask({ do: 'put', key: 'runs/people/chunk', bytes: 10 });
    const calls = callsIn(trace).slice(before);
    expect(calls).toEqual([
      expect.stringMatching(`^sync ${storage}/\\.temporary/`),
      `sync ${storage}/runs`,
      `sync ${storage}`,
      `link ${storage}/runs/people/chunk`,
      `sync ${storage}/runs/people`,
    ]);
  },
);
