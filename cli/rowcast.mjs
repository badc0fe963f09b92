#!/usr/bin/env node
// Rowcast is TypeScript that Node runs as it is, from 22.18 on; an older one gets a sentence instead of a stack.
import process from 'node:process';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `Rowcast needs Node 22.18 or newer; this is ${process.version}. Install a newer Node.\n`,
  );
  process.exit(1);
}
await import('./main.ts');
