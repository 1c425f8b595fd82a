import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Section } from '../section.ts'
import { median, ratios, spreadOf } from '../section.ts'
import { runCommand, vigilLoad, withService } from '../workbench.ts'
import { k6Path } from '../tools.ts'

const seconds = 5
/** More than k6 can make here: what it achieves is its maximum. */
const rate = 30_000

const script = (url: string, summary: string): string => `
import http from 'k6/http'
export const options = { scenarios: { max: { executor: 'constant-arrival-rate', rate: ${rate}, timeUnit: '1s', duration: '${seconds}s', preAllocatedVUs: 50, maxVUs: 50 } } }
export default function () { http.get('${url}/') }
export function handleSummary(data) {
  const metrics = data.metrics
  return { '${summary}': JSON.stringify(metrics.http_reqs.values ? metrics.http_reqs.values.count : metrics) }
}
`

export const k6: Section = {
  name: 'k6',
  about: 'requests/s of vigil load by k6 against a hand-written k6 script, both asked for more than they can make',
  run: async (bench) =>
    withService(bench, async (url) => {
      const path = await k6Path(bench)
      const vigil = async (): Promise<number> => {
        const { run } = await vigilLoad(bench, url, { engine: 'k6', journeys: { fast: 1 }, load: { ratePerSecond: rate }, warmupSeconds: 1, durationSeconds: seconds })
        return run.totals.throughputRps
      }
      const raw = async (): Promise<number> => {
        const summary = join(bench.folder, 'raw-summary.json')
        writeFileSync(join(bench.folder, 'raw.js'), script(url, summary))
        await runCommand(path, ['run', '--quiet', '--no-usage-report', join(bench.folder, 'raw.js')], bench.folder)
        return Number(readFileSync(summary, 'utf8')) / seconds
      }
      const found = await ratios(bench.rounds, vigil, raw)
      return [{ what: 'vigil / hand-written', value: spreadOf(found, (ratio) => ratio.toFixed(3)), goal: '≥ 0.95', met: median(found) >= 0.95 }]
    }),
}
