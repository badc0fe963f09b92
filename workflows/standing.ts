import { defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { MESSAGES } from './contract.ts';
import type { RunStanding } from './contract.ts';
import { number } from './words.ts';

/** Who is told how far a run is. */
export interface Standing {
  tell(change: Partial<RunStanding>): void;
}

/**
 * Answers whoever asks how far a run is with what was told last, and says it in words where the Temporal Web UI shows
 * them. Neither costs the history anything. @param destination its name.
 */
export function answerStanding(destination: string): Standing {
  let standing: RunStanding = { stage: 'reading', rows: null, failed: 0, lanes: [] };
  setHandler(defineQuery<RunStanding>(MESSAGES.progress), () => standing, {
    description: 'how far the run is, by what its activities handed back',
  });
  return {
    tell: (change) => {
      standing = { ...standing, ...change };
      const words = wordsOf(standing, destination);
      if (words !== null) setCurrentDetails(words);
    },
  };
}

/** Null where whoever reads says more. */
function wordsOf({ stage, rows, failed: unmapped, lanes }: RunStanding, destination: string): string | null {
  if (stage === 'reading' || rows === null) return null;
  const delivered = lanes.reduce((sum, lane) => sum + lane.delivered, 0);
  const failed = lanes.reduce((sum, lane) => sum + lane.failed, unmapped);
  const counts = `${number(delivered)} of ${number(rows)} rows are delivered, ${number(failed)} failed`;
  if (stage === 'ending') return `Closing the books: ${counts}.`;
  const open = lanes.filter((lane) => lane.delivered + lane.failed < lane.rows).length;
  return `Delivering to ${destination}: ${counts}; ${open} of ${lanes.length} lanes are at work. What their activities heartbeat goes beyond it.`;
}
