import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault as ReceiverFault } from '../../dev/receiver/fault.ts';
import type { Fault } from './faults.ts';
import type { Random } from './random.ts';

/* How the destination misbehaves, for some requests or for some seconds. */

interface Kind {
  readonly weight: number;
  draw(random: Random): ReceiverFault;
}

const answer = (status: number, more: Partial<Extract<ReceiverFault, { kind: 'answer' }>> = {}) =>
  ({ kind: 'answer', status, ...more }) as const;

/** Users whom a fault is about; `*`: all. */
function drawUsers(random: Random): string[] {
  return random.chance(0.15) ? ['*'] : Array.from({ length: 3 }, () => `p${random.int(0, 12)}`);
}

const KINDS: readonly Kind[] = [
  { weight: 3, draw: () => ({ kind: 'reset' }) },
  { weight: 3, draw: () => ({ kind: 'reset_after' }) },
  { weight: 3, draw: (random) => ({ kind: 'silence', afterTaking: random.chance(0.5) }) },
  // Longer than a request may take, or not.
  { weight: 3, draw: (random) => ({ kind: 'slow', ms: random.pick([20, 300, 1_500]), afterTaking: true }) },
  {
    weight: 2,
    draw: (random) =>
      answer(429, random.chance(0.5) ? { headers: { 'retry-after': random.pick(['0', '1', '2']) } } : {}),
  },
  {
    weight: 3,
    draw: (random) =>
      answer(random.pick([500, 502, 503, 504, 408]), {
        body: '<html><body>Bad gateway</body></html>',
        afterTaking: random.chance(0.5),
      }),
  },
  { weight: 1, draw: (random) => answer(random.pick([401, 402, 403, 404]), { body: 'no $AUTHORIZATION' }) },
  { weight: 1, draw: (random) => answer(random.pick([400, 413]), { body: 'no' }) },
  { weight: 2, draw: (random) => ({ kind: 'dislike', users: drawUsers(random) }) },
  {
    weight: 2,
    draw: (random) => ({ kind: 'partial', users: drawUsers(random), unnamed: random.chance(0.3) }),
  },
];

const misbehave: Fault = {
  weight: 14,
  draw(random) {
    const fault = random.weighted(KINDS).draw(random);
    const times = random.chance(0.6) ? random.int(1, 8) : null;
    const forMs = random.int(300, 3_000);
    const words = times === null ? `for ${forMs} ms` : `for ${times} requests`;
    return {
      words: `receiver: ${JSON.stringify(fault)} ${words}`,
      act: async ({ receiver, refusals }) => {
        for (const user of refusedBy(fault)) refusals.add(user);
        receiver.misbehave(times === null ? fault : { ...fault, times });
        if (times !== null) return;
        await sleep(forMs);
        receiver.misbehave();
      },
    };
  },
};

/** The users whose calls may be listed as refused because of a fault. */
function refusedBy(fault: ReceiverFault): readonly string[] {
  if (fault.kind === 'dislike' || fault.kind === 'partial') return fault.users;
  return fault.kind === 'answer' && (fault.status === 400 || fault.status === 413) ? ['*'] : [];
}

export const RECEIVER_FAULTS: readonly Fault[] = [misbehave];
