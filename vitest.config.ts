import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most of a test's time is waiting.
    maxWorkers: 2,
    maxConcurrency: 2,
    projects: [
      {
        // Rooms that run alone: no server is started for them.
        test: {
          name: 'rooms',
          include: [
            'test/{mapping,storage,delivery,definitions,secrets,tidy,cli,chaos,worker,bench}/**/*.test.ts',
          ],
          testTimeout: 60_000,
        },
      },
      {
        // Everything that needs a real PostgreSQL or a real Temporal.
        test: {
          name: 'engine',
          include: [
            'test/{connectors,tunnel,extraction,activities,workflows,client,run,dev,docs}/**/*.test.ts',
          ],
          globalSetup: ['test/servers.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
