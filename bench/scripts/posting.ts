import pg from 'pg';
import { Agent, request } from 'undici';
import { BatchBuilder, fromEnv } from './batches.ts';

/* Makes the batches first, then posts them as fast as they are taken, and says how long that took. */

const CONNECTIONS = 4;

const NUMERIC: number = pg.types.builtins.NUMERIC;

/** Posted before, and not counted: a worker has posted before, too. */
const WARM_UP_BATCHES = 100;

const client = new pg.Client({ connectionString: fromEnv('BENCH_POSTGRES') });
await client.connect();
const query = fromEnv('BENCH_QUERY');
const { fields } = await client.query(`SELECT * FROM (${query}) q LIMIT 0`);
// As many bytes as Rowcast's calls have: a messageId of 26 characters, numbers without the zeros of a numeric, and Z.
const columns = fields
  .filter(({ name }) => name !== 'userId')
  .map(({ name, dataTypeID }) => ({ name: pg.escapeIdentifier(name), isNumeric: dataTypeID === NUMERIC }))
  .map(({ name, isNumeric }) => `q.${name}${isNumeric ? '::float8' : ''} AS ${name}`);
const text = `SELECT '{"messageId":"' || left(md5(q."userId"::text), 26) || '","type":"identify","userId":"' || q."userId"
  || '","traits":' || (SELECT replace(row_to_json(t)::text, '+00:00"', 'Z"') FROM (SELECT ${columns.join(', ')}) t)
  || '}' FROM (${query}) q`;
const asArrays = { text, rowMode: 'array' };
const reading = client.query(new pg.Query(asArrays));
const builder = new BatchBuilder();
const bodies: Buffer[] = [];
reading.on('row', (row: unknown) => {
  const body = builder.add((row as [string])[0]);
  if (body !== null) bodies.push(Buffer.from(body));
});
await new Promise<void>((resolve, reject) => {
  reading.on('end', () => resolve());
  reading.on('error', reject);
});
bodies.push(Buffer.from(builder.take()));
await client.end();

const dispatcher = new Agent({ connections: CONNECTIONS });

async function postAll(path: string, waiting: Buffer[]): Promise<void> {
  const url = fromEnv('BENCH_RECEIVER') + path;
  async function postNext(): Promise<void> {
    for (let body = waiting.pop(); body !== undefined; body = waiting.pop()) {
      const headers = { 'content-type': 'application/json' };
      const response = await request(url, { method: 'POST', headers, body, dispatcher });
      await response.body.dump();
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, postNext));
}

const again = Array.from({ length: WARM_UP_BATCHES }, (_none, at) => bodies[at % bodies.length] as Buffer);
await postAll('/warm-up', again);
const beginMs = performance.now();
await postAll('/v1/batch', bodies);
console.log(JSON.stringify({ ms: performance.now() - beginMs }));
process.exit(0);
