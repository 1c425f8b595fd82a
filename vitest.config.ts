import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    // The live tests of the gate wait for the engines and the probes (docs/architecture.md, "Not finished").
    exclude: ['**/node_modules/**', '.vigil/**', 'cli/*.live.test.ts', 'load/engines/**'],
    // Live tests share two cores with the processes they start: more workers only make them wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
