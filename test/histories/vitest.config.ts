import { defineConfig } from 'vitest/config';

/* npm run record-histories: see record.ts beside this. */
export default defineConfig({
  test: {
    include: ['test/histories/record.ts'],
    globalSetup: ['test/servers.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
