import { join } from 'node:path'
import type { Section } from '../section.ts'
import { median } from '../../record/statistics/index.ts'
import { ratios, spreadOf } from '../section.ts'
import { runCommand } from '../workbench.ts'

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
