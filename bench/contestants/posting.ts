import { runTimedScript } from '../processes.ts';
import type { Contestant } from './contestant.ts';
import { nodeScript } from './scripts.ts';

export const posting: Contestant = {
  name: 'prepared batches, posted',
  how: 'limit: batches of at most 500 KB that lie ready in memory, posted by undici over four connections, after a hundred that are not counted; the receiver, of one thread, is the busier by far and so the limit; its time is that of the posting alone, its CPU that of all',
  delivers: true,
  rowsMax: { quick: 1_000_000, full: 1_000_000 },
  start: (bench) => Promise.resolve(nodeScript(bench, 'posting.ts', runTimedScript)),
};
