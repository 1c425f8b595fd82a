import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Section } from '../section.ts'

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
