export { connectionTest } from './connectionTest.ts';
export { destination, integration } from './holder.ts';
export { preview } from './preview.ts';
export { retryRun } from './retryRun.ts';
export { sweep } from './sweep.ts';
export { sync } from './sync.ts';
export { syncRun } from './syncRun.ts';
