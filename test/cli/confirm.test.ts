import { expect, test } from 'vitest';
import { typing } from './terminal.ts';

/* What a person at a terminal is asked before something is deleted or reset. */

const env = { ...process.env, TEMPORAL_ADDRESS: '127.0.0.1:1' };

test.each([
  ['n', 'n\r'],
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
])('%s at the question changes nothing, and the exit code says so', async (_what, keys) => {
  const { said, code } = await typing(env, keys, 'sync delete people');
  expect(said).toContain('Delete the sync people, its last_sync_time and its imports? [y/N]');
  expect(said).toMatch(/\nNothing was changed\.\r?\n$/);
  expect(code).toBe(1);
});

test('yes goes on, though the answer is read by another program', async () => {
  const { said, code } = await typing(env, 'y\r', 'sync reset people --json');
  expect(said).toContain('The next run of people will send everything, under new messageIds. Go on? [y/N]');
  expect(said).toContain('The Temporal server at 127.0.0.1:1 cannot be reached');
  expect(code).toBe(1);
});
