import type { Contestant } from './contestant.ts';
import { nodeScript } from './scripts.ts';

export const posting: Contestant = {
  name: 'prepared batches, posted',
  how: 'limit: batches of at most 500 KB that lie ready in memory, posted by undici over four connections',
  delivers: true,
  rowsMax: { quick: 1_000_000, full: 1_000_000 },
  start: (bench) => Promise.resolve(nodeScript(bench, 'posting.ts')),
};
