import { defineConfig } from 'vitest/config'
export default defineConfig({ root: '/work/main', test: { include: ['load/engines/k6/**/*.test.ts'], maxWorkers: 2, testTimeout: 30_000, hookTimeout: 60_000 } })
