import { parseArgs } from 'node:util';
import { Receiver } from './receiver.ts';

/*
 * The receiver as a process of its own: node dev/receiver/main.ts --write-key KEY [--port N] [--store calls|ids]
 * Its one line of output is its URL.
 */
const { values } = parseArgs({
  options: {
    'write-key': { type: 'string', default: 'demo-write-key' },
    port: { type: 'string', default: '0' },
    store: { type: 'string', default: 'calls' },
  },
});

const receiver = await Receiver.start({
  writeKey: values['write-key'],
  port: Number(values.port),
  store: values.store === 'ids' ? 'ids' : 'calls',
  requestsPer3s: 3_000,
});
console.log(receiver.url);

// Its owner holds its standard input: when that ends, so does it, however the owner ended.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
