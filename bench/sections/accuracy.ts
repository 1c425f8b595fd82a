import { histogramOf, quantile } from '../../record/index.ts'
import type { Config } from '../../config/index.ts'
import type { Bench, Figure, Section } from '../section.ts'
import { vigilLoad, withService } from '../workbench.ts'

const quantiles = [
  ['p50Ms', 0.5],
  ['p90Ms', 0.9],
  ['p95Ms', 0.95],
  ['p99Ms', 0.99],
] as const

const length = { journeys: { timed: 1 }, warmupSeconds: 0, durationSeconds: 10 }
const suites: Config['suites'] = {
  k6: { engine: 'k6', load: { ratePerSecond: 300 }, ...length },
  autocannon: { engine: 'autocannon', load: { connections: 4 }, ...length },
}

export const accuracy: Section = {
  name: 'accuracy',
  about: 'percentiles of a record against what a service with known service times says of itself',
  run: async (bench) => {
    const figures: Figure[] = []
    for (const [engine, suite] of Object.entries(suites))
      figures.push(...(await compare(bench, engine, suite)))
    return figures
  },
}

async function compare(bench: Bench, engine: string, suite: Config['suites'][string]): Promise<Figure[]> {
  return withService(bench, async (url) => {
    const { run } = await vigilLoad(bench, url, suite)
    const seen: number[] = (await (await fetch(`${url}/seen`)).json()) as number[]
    const truth = histogramOf(seen)
    return quantiles.map(([name, q]) => {
      const theirs = quantile(truth, q)
      const ours = run.totals.latency[name]
      const within = Math.abs(ours - theirs) <= theirs * 0.05 + 1
      return {
        what: `${engine} ${name}`,
        value: `${ours.toFixed(2)} ms, service says ${theirs.toFixed(2)} ms`,
        goal: 'within 5 % + 1 ms',
        met: within,
      }
    })
  })
}
