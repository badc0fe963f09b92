export { alert } from './alert.ts';
export { connectionTest } from './connectionTest.ts';
export { destination, integration, webhook } from './holder.ts';
export { preview } from './preview.ts';
export { retryRun } from './retryRun.ts';
export { sweep } from './sweep.ts';
export { sync } from './sync.ts';
export { syncRun } from './syncRun.ts';
