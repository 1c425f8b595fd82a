import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/**
 * Tests that wait for real processes: begun last, one of them alone would keep everybody waiting for half a
 * minute.
 */
const long = /(?:live|crash|tracing|lifecycle|calibration|outage)\.test\.ts$/

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's own method, not an array's
    const sorted = await super.sort(files)
    return [
      ...sorted.filter(({ moduleId }) => long.test(moduleId)),
      ...sorted.filter(({ moduleId }) => !long.test(moduleId)),
    ]
  }
}

const live = '**/*.live.test.ts'
/** They have a config of their own, `vitest.nightly.ts`: their tools take many minutes to build. */
const nightly = '**/*.nightly.test.ts'
const elsewhere = ['**/node_modules/**', '.vigil/**', nightly]

export default defineConfig({
  test: {
    globalSetup: './vitest.tools.ts',
    sequence: { sequencer: LongFirst },
    // On two cores: live tests spend much of their time waiting, so more workers than cores fill the gaps.
    maxWorkers: 4,
    maxConcurrency: 12,
    // Bounds for what hangs, and no assertions: several times what the slowest test takes. A shared machine
    // can take the CPU away for a second at any moment, and runs everything else several times slower.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    projects: [
      // Files share a worker and its modules: loading them again for each file takes longer than most tests.
      {
        extends: true,
        test: { name: 'unit', include: ['**/*.test.ts'], exclude: [...elsewhere, live], isolate: false },
      },
      { extends: true, test: { name: 'live', include: [live], exclude: elsewhere } },
    ],
  },
})
