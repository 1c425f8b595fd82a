import { join } from 'node:path'
import type { Section } from '../section.ts'
import config from '../../vigil.config.ts'
import { runCommand } from '../workbench.ts'

export const gate: Section = {
  name: 'gate',
  about: 'the default gate: its total time, and its own time in addition to warm-up and load',
  run: async (bench) => {
    const { wallMs, code } = await runCommand(
      join(bench.root, 'vigil'),
      ['gate', '--quiet', '--json'],
      bench.root,
    )
    const seconds = wallMs / 1000
    const loading = Object.values(config.suites).reduce(
      (sum, suite) => sum + (suite.warmupSeconds ?? 5) + suite.durationSeconds,
      0,
    )
    return [
      {
        what: `whole gate (exit ${code})`,
        value: `${seconds.toFixed(1)} s`,
        goal: '≤ 90 s',
        met: seconds <= 90,
      },
      {
        what: 'in addition to warm-up and load',
        value: `${(seconds - loading).toFixed(1)} s`,
        goal: '≤ 15 s',
        met: seconds - loading <= 15,
      },
    ]
  },
}
