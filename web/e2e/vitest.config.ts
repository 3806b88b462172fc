import { defineConfig } from 'vitest/config';

import { missing } from './tools.ts';

// These tests drive the program as it is built, so they take turns: one server
// and one browser at a time are enough for a small machine.
if (missing.length > 0) {
  console.log(`left out: the console's tests in a browser (${missing.join(', ')} not installed: run make tools)`);
}

export default defineConfig({
  cacheDir: '../node_modules/.vite',
  test: {
    environment: 'node',
    root: import.meta.dirname,
    include: missing.length > 0 ? [] : ['*.test.ts'],
    passWithNoTests: missing.length > 0,
    globalSetup: 'program.ts',
    fileParallelism: false,
    testTimeout: 300_000, // CI is busy with other tests,
    hookTimeout: 120_000,
    reporters: ['default'],
  },
});
