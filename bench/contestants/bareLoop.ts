import type { Contestant } from './contestant.ts';
import { nodeScript } from './scripts.ts';

export const bareLoop: Contestant = {
  name: 'a bare loop',
  how: 'limit: a cursor of `pg`, 5,000 rows at a time, an object and `JSON.stringify` for each, batches posted one after another while the next is read; nothing is durable, and no id survives it',
  delivers: true,
  rowsMax: { quick: 100_000, full: 1_000_000 },
  start: (bench) => Promise.resolve(nodeScript(bench, 'bareLoop.ts')),
};
