import pg from 'pg';
import { Agent, request } from 'undici';
import { BatchBuilder, fromEnv } from './batches.ts';

/* Makes the batches first, then posts them as fast as they are taken, and says how long that took. */

const CONNECTIONS = 4;

const client = new pg.Client({ connectionString: fromEnv('BENCH_POSTGRES') });
await client.connect();
const text = `SELECT row_to_json(c)::text AS call FROM (
  SELECT md5("userId"::text) AS "messageId", 'identify' AS type, "userId"::text, to_jsonb(q) - 'userId' AS traits
  FROM (${fromEnv('BENCH_QUERY')}) q) c`;
const reading = client.query(new pg.Query({ text }));
const builder = new BatchBuilder();
const bodies: Buffer[] = [];
reading.on('row', (row: unknown) => {
  const body = builder.add((row as { call: string }).call);
  if (body !== null) bodies.push(Buffer.from(body));
});
await new Promise<void>((resolve, reject) => {
  reading.on('end', () => resolve());
  reading.on('error', reject);
});
bodies.push(Buffer.from(builder.take()));
await client.end();

const url = `${fromEnv('BENCH_RECEIVER')}/v1/batch`;
const dispatcher = new Agent({ connections: CONNECTIONS });
const beginMs = performance.now();
async function postAll(): Promise<void> {
  for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
    const headers = { 'content-type': 'application/json' };
    const response = await request(url, { method: 'POST', headers, body, dispatcher });
    await response.body.dump();
  }
}
await Promise.all(Array.from({ length: CONNECTIONS }, () => postAll()));
console.log(JSON.stringify({ ms: performance.now() - beginMs }));
process.exit(0);
