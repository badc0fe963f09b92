// What one would write with Segment's SDK for Node: rows from a query's stream, a call each, and no more calls under
// way than memory may hold. The SDK makes the batches.
import { Analytics } from '@segment/analytics-node';
import pg from 'pg';
import QueryStream from 'pg-query-stream';

const PENDING_MAX = 5_000;

const analytics = new Analytics({
  writeKey: 'bench',
  host: process.env.BENCH_RECEIVER,
  // Its default is 15. So many narrow calls fit into the 500 KB of a request, of which its own count is too low.
  flushAt: 800,
  flushInterval: 1_000,
});
const client = new pg.Client({ connectionString: process.env.BENCH_POSTGRES });
await client.connect();
let pending = 0;
let failed = 0;
let goOn = () => {};
for await (const { userId, 'context.ip': ip, ...traits } of client.query(
  new QueryStream(process.env.BENCH_QUERY, [], { batchSize: 5_000 }),
)) {
  pending += 1;
  analytics.identify({ userId, traits, ...(ip !== undefined && { context: { ip } }) }, (error) => {
    pending -= 1;
    if (error) failed += 1;
    if (pending < PENDING_MAX) goOn();
  });
  if (pending >= PENDING_MAX) await new Promise((resolve) => (goOn = resolve));
}
await analytics.closeAndFlush();
await client.end();
if (failed > 0) throw new Error(`${failed} calls failed`);
