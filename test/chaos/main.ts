import { mkdirSync, mkdtempSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../../dev/postgres.ts';
import { findTemporal } from '../../dev/temporal.ts';
import { fakeClock } from '../run/fakeClock.ts';
import { playRound } from './round.ts';
import type { Grounds } from './world.ts';

/*
 * npm run chaos -- --rounds N --seed S: rounds of random syncs, changes and faults, each checked. Round i of a seed S
 * is the one of the seed S + i, so that a round that failed is played again alone.
 */

const say = (line: string) => process.stdout.write(`${line}\n`);
const FINDINGS_SHOWN = 20;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  say('Usage: npm run chaos -- [--rounds N] [--seed S], both whole numbers');
  process.exit(2);
}

const base = join(import.meta.dirname, '..', '..', '.rowcast');
mkdirSync(base, { recursive: true });
const folder = mkdtempSync(join(base, 'chaos-'));

const postgres = await startPostgres();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    say(`Ended by ${signal}`);
    void postgres.stop().finally(() => process.exit(1));
  });
}
const temporal = await findTemporal({ ...process.env, TEMPORAL_ADDRESS: '' });
if (temporal.kind !== 'binary') throw new Error('Chaos needs a Temporal server of its own.');
const wrong: string[] = [];
const failed = await play({ postgres, temporalPath: temporal.path, clock: fakeClock() });
await postgres.stop();
await rmdir(folder).catch(() => undefined); // Where something was kept, it stays.
// Once more, since the end of a long log is what is seen of it.
for (const finding of wrong) say(`WRONG  ${finding}`);
say(`${rounds - failed} of ${rounds} rounds without a fault, from seed ${seed} on`);
process.exit(failed > 0 ? 1 : 0);

async function play(grounds: Grounds): Promise<number> {
  say(`Chaos: ${rounds} rounds from seed ${seed} on`);
  let failures = 0;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    const own = seed + round;
    const result = await playRound(grounds, own, join(folder, String(own)));
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    const isRight = result.findings.length === 0;
    say(
      `${isRight ? 'right' : 'WRONG'}  round ${round + 1} of ${rounds}, seed ${own}: ${result.calls} calls, ${result.imports} imports, ${seconds} s`,
    );
    if (isRight) continue;
    failures += 1;
    wrong.push(...result.findings.slice(0, FINDINGS_SHOWN).map((finding) => `seed ${own}: ${finding}`));
    for (const line of result.journal) say(`  ${line}`);
    for (const finding of result.findings.slice(0, FINDINGS_SHOWN)) say(`  ! ${finding}`);
    if (result.findings.length > FINDINGS_SHOWN)
      say(`  ! and ${result.findings.length - FINDINGS_SHOWN} more`);
    say(`  Kept in ${result.kept}; again with: npm run chaos -- --rounds 1 --seed ${own}`);
  }
  return failures;
}
