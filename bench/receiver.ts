import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { countDistinct, QUOTE } from './distinct.ts';

/*
 * The receiver of the bench, a process of its own: it takes everything, as cheaply as it can. While calls come it only
 * finds their messageIds in the bytes and keeps those; which are distinct is counted when asked for. Who reads rows first is
 * slower by far; who has calls ready, and posts them at full speed, waits for it.
 *
 *   POST …/batch   {"batch":[…]}; below /after/MS it is answered so many milliseconds later
 *   POST /warm-up  is answered like a batch, and is forgotten
 *   GET /counts    what came since the last DELETE
 *   GET /first     the first body, and /last the last
 *   DELETE /       forgets everything
 *
 * Its one line of output is its URL.
 */

const KEY = Buffer.from('"messageId":"');

let ids: Buffer[] = [];
let [first, last]: (Buffer | null)[] = [null, null];
/** Where the ids of a body are collected. */
let found = Buffer.alloc(0);
let [requests, calls, bytes] = [0, 0, 0];

function take(body: Buffer): void {
  first ??= body;
  last = body;
  requests += 1;
  bytes += body.length;
  if (found.length < body.length) found = Buffer.alloc(body.length);
  let used = 0;
  for (let at = body.indexOf(KEY); at >= 0; at = body.indexOf(KEY, at)) {
    at += KEY.length;
    while (body[at] !== QUOTE && at < body.length) found[used++] = body[at++] ?? 0;
    found[used++] = QUOTE;
    calls += 1;
  }
  ids.push(Buffer.from(found.subarray(0, used)));
}

function counts() {
  return { requests, calls, bytes, distinct: countDistinct(ids, calls) };
}

function forget(): void {
  ids = [];
  [first, last] = [null, null];
  [requests, calls, bytes] = [0, 0, 0];
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const answer = (value: unknown) =>
      void response.end(typeof value === 'string' ? value : JSON.stringify(value));
    if (request.method === 'DELETE') {
      forget();
      return answer(counts());
    }
    if (request.url === '/first') return answer(String(first));
    if (request.url === '/last') return answer(String(last));
    if (request.method === 'GET') return answer(counts());
    const body = Buffer.concat(parts);
    if (request.url !== '/warm-up') {
      take(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
    }
    response.setHeader('content-type', 'application/json');
    const delayMs = Number(/^\/after\/(\d+)\//.exec(request.url ?? '')?.[1] ?? 0);
    if (delayMs === 0) return answer('{"success":true}');
    setTimeout(() => answer('{"success":true}'), delayMs);
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`);
});

// Its owner holds its standard input: when that ends, so does it, however the owner ended.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
