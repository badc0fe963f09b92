import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';

/*
 * The receiver of the bench, a process of its own: it takes everything, and so cheaply that nobody waits for it. While
 * calls come it only finds their messageIds in the bytes and keeps those; which are distinct is counted when asked for.
 *
 *   POST …/batch   {"batch":[…]}
 *   GET /counts    what came since the last DELETE
 *   GET /first     the first body
 *   DELETE /       forgets everything
 *
 * Its one line of output is its URL.
 */

const KEY = Buffer.from('"messageId":"');
const QUOTE = 0x22;

let ids: Buffer[] = [];
let first: Buffer | null = null;
let [requests, calls, bytes] = [0, 0, 0];

function take(body: Buffer): void {
  first ??= body;
  requests += 1;
  bytes += body.length;
  const found = Buffer.allocUnsafeSlow(body.length);
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
  const distinct = new Set<string>();
  for (const block of ids) for (const id of block.toString('latin1').split('"')) distinct.add(id);
  distinct.delete('');
  return { requests, calls, bytes, distinct: distinct.size };
}

function forget(): void {
  ids = [];
  first = null;
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
    if (request.method === 'GET') return answer(request.url === '/first' ? String(first) : counts());
    const body = Buffer.concat(parts);
    take(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
    response.setHeader('content-type', 'application/json');
    return answer('{"success":true}');
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`);
});

// Its owner holds its standard input: when that ends, so does it, however the owner ended.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
