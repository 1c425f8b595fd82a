import { join } from 'node:path'
import type { Section } from '../section.ts'
import { median } from '../../record/statistics/index.ts'
import { ratios, spreadOf } from '../section.ts'
import { runCommand, vigilLoad, withService } from '../workbench.ts'

const connections = 10
const seconds = 5

export const autocannon: Section = {
  name: 'autocannon',
  about: 'requests/s of vigil load by autocannon against raw autocannon, same connections, same service',
  run: async (bench) =>
    withService(bench, async (url) => {
      const vigil = async (): Promise<number> => {
        const { run } = await vigilLoad(bench, url, {
          engine: 'autocannon',
          journeys: { fast: 1 },
          load: { connections },
          warmupSeconds: 1,
          durationSeconds: seconds,
        })
        return run.totals.throughputRps
      }
      const raw = async (): Promise<number> => {
        // The warm-up's result comes first, on a line of its own.
        const args = [
          join(bench.root, 'node_modules/autocannon/autocannon.js'),
          '-j',
          '-c',
          String(connections),
          '-d',
          String(seconds),
          '-W',
          '[',
          '-c',
          String(connections),
          '-d',
          '1',
          ']',
          url,
        ]
        const result: { requests: { total: number }; duration: number } = JSON.parse(
          (await runCommand(process.execPath, args, bench.folder)).stdout.trim().split('\n').at(-1) ?? '',
        )
        return result.requests.total / result.duration
      }
      const found = await ratios(bench.rounds, vigil, raw)
      return [
        {
          what: 'vigil / raw',
          value: spreadOf(found, (ratio) => ratio.toFixed(3)),
          goal: '≥ 0.95',
          met: median(found) >= 0.95,
        },
      ]
    }),
}
