import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/** Tests without a network of processes that take long all the same. */
const long =
  /(?:calibration|collectors|crash|git|init|lifecycle|limits|model|outage|tls|tracing|usage)\.test\.ts$/

/**
 * Live tests first: begun last, one of them alone would keep everybody waiting for half a minute. They mostly
 * wait, so between them are other long tests, which mostly compute. The short ones come last and together,
 * because a worker keeps its modules only while the next file is one of theirs.
 */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's own method, not an array's
    const sorted = await super.sort(files)
    const isLong = (file: TestSpecification): boolean => !isLive(file) && long.test(file.moduleId)
    const others = sorted.filter((file) => !isLive(file) && !isLong(file))
    return [...interleave(sorted.filter(isLive), sorted.filter(isLong)), ...others]
  }
}

const isLive = ({ project }: TestSpecification): boolean => project.name === 'live'

/** The files of both lists, each in its order and spread evenly. */
function interleave<T>(one: readonly T[], other: readonly T[]): T[] {
  const place = (list: readonly T[]) => list.map((file, index) => ({ file, at: (index + 0.5) / list.length }))
  return [...place(one), ...place(other)].toSorted((a, b) => a.at - b.at).map(({ file }) => file)
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
