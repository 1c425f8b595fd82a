import { defineConfig } from 'vitest/config'

/**
 * Tests whose tools take many minutes to build, so that they run at night and not with every change: `npm run
 * test:nightly`. They are no part of `npm test`, which excludes their files: nothing is skipped there.
 */
export default defineConfig({
  test: {
    name: 'nightly',
    globalSetup: './vitest.nightly-tools.ts',
    include: ['**/*.nightly.test.ts'],
    exclude: ['**/node_modules/**', '.vigil/**'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
  },
})
