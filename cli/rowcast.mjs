#!/usr/bin/env node
// Rowcast is TypeScript of today that Node runs as it is, from 24.2 on; an older one gets a sentence instead of a stack.
import { enableCompileCache } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 2)) {
  process.stderr.write(
    `Rowcast needs Node 24.2 or newer; this is ${process.version}. Install a newer Node.\n`,
  );
  process.exit(1);
}
// Compiled once, it starts in half the time. The folder is the package's own, unlike Node's default in /tmp.
enableCompileCache(
  process.env.NODE_COMPILE_CACHE ?? fileURLToPath(new URL('../.rowcast/compiled', import.meta.url)),
);
if (process.argv[2] === 'worker') {
  (await import('../worker/allocator.ts')).settleAllocator();
  await import('../worker/heapSpaces.ts');
}
await import('./main.ts');
