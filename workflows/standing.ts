import { defineQuery, setHandler } from '@temporalio/workflow';
import { MESSAGES } from './contract.ts';
import type { RunStanding } from './contract.ts';

/** Who is told how far a run is. */
export interface Standing {
  tell(change: Partial<RunStanding>): void;
}

/** Answers whoever asks how far a run is with what was told last. It costs the history nothing. */
export function answerStanding(): Standing {
  let standing: RunStanding = { stage: 'reading', rows: null, failed: 0, lanes: [] };
  setHandler(defineQuery<RunStanding>(MESSAGES.progress), () => standing);
  return {
    tell: (change) => {
      standing = { ...standing, ...change };
    },
  };
}
