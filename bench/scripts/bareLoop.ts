import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Agent, request } from 'undici';
import { BatchBuilder, fromEnv } from './batches.ts';

/* The least code that moves rows to calls: no retry, no id that would be the same again, nothing kept. */

const PAGE_ROWS = 5_000;

const client = new pg.Client({ connectionString: fromEnv('BENCH_POSTGRES') });
await client.connect();
await client.query('BEGIN');
await client.query(`DECLARE rows NO SCROLL CURSOR FOR ${fromEnv('BENCH_QUERY')}`);
const url = `${fromEnv('BENCH_RECEIVER')}/v1/batch`;
const dispatcher = new Agent({ connections: 1 });

async function post(body: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await request(url, { method: 'POST', headers, body, dispatcher });
  await response.body.dump();
}

const fetchPage = () => client.query<Record<string, unknown>>(`FETCH ${PAGE_ROWS} FROM rows`);
const builder = new BatchBuilder();
let posted = Promise.resolve();
for (let page = await fetchPage(); page.rows.length > 0;) {
  const next = fetchPage();
  for (const { userId, ...traits } of page.rows) {
    const body = builder.add(JSON.stringify({ messageId: randomUUID(), type: 'identify', userId, traits }));
    if (body === null) continue;
    await posted;
    posted = post(body);
  }
  page = await next;
}
await posted;
await post(builder.take());
process.exit(0);
