import { parentPort } from 'node:worker_threads';
import { digestCalls } from './digestCalls.ts';
import type { DigestRequest } from './digester.ts';

/* The thread of a `Digester`: it answers in the order in which it is asked. */

parentPort?.on('message', ({ memory, bytes, rows, prefix }: DigestRequest) => {
  const ids = digestCalls(Buffer.from(memory, 0, bytes), rows, prefix);
  parentPort?.postMessage(ids, [ids.buffer]);
});
