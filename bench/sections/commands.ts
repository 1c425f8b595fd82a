import { join } from 'node:path'
import { spawn } from 'node:child_process'
import type { Section } from '../workbench.ts'
import { median } from '../../record/statistics/index.ts'
import { runCommand, ratios, spreadOf } from '../workbench.ts'
import config from '../../vigil.config.ts'

export const start: Section = {
  name: 'start',
  about: "'vigil --help' against a bare start of the same Node",
  run: async (bench) => {
    const help: number[] = []
    const again = async (): Promise<number> => {
      const { wallMs } = await runCommand(join(bench.root, 'vigil'), ['--help'], bench.root)
      help.push(wallMs)
      return wallMs
    }
    await again()
    const found = await ratios(
      bench.rounds * 3,
      again,
      async () => (await runCommand(process.execPath, ['-e', '0'], bench.root)).wallMs,
    )
    return [
      {
        what: 'vigil --help',
        value: spreadOf(help.slice(1), (ms) => `${ms.toFixed(0)} ms`),
        goal: '≤ 150 ms',
        met: median(help.slice(1)) <= 150,
      },
      { what: 'times a bare start of Node', value: spreadOf(found, (ratio) => ratio.toFixed(2)) },
    ]
  },
}

/** The service measures itself: it is deployable alone, and nothing here may import it. */
export const api: Section = {
  name: 'api',
  about: 'the todo API against raw node:http and postgres.js on one PostgreSQL (node backend/bench/main.ts)',
  run: async (bench) => {
    const child = spawn(
      process.execPath,
      [join(bench.root, 'backend/bench/main.ts'), '--rounds', String(bench.rounds)],
      { cwd: bench.root, stdio: 'inherit' },
    )
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return [
      {
        what: 'its own goals, above',
        value: code === 0 ? 'all met' : 'not all met',
        goal: 'all',
        met: code === 0,
      },
    ]
  },
}

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
