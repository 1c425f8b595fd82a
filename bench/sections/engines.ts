import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Section, Figure } from '../workbench.ts'
import { median } from '../../record/statistics/index.ts'
import { runCommand, vigilLoad, withService, ratios, spreadOf } from '../workbench.ts'
import { findTool } from '../../runtime/tools/index.ts'
import { histogramOf, quantile } from '../../record/index.ts'
import type { Config } from '../../config/index.ts'

/** k6 as vigil finds it. */
export async function k6Path(bench: Bench): Promise<string> {
  const tool = await findTool('k6', {
    env: process.env,
    progress: bench.say,
    signal: new AbortController().signal,
  })
  if (tool.state === 'missing') throw new Error(`${tool.reason}: ${tool.whatToDo}`)
  return tool.path
}

const seconds = 5
/** More than k6 can make here: what it achieves is its maximum. */
const rate = 30_000
/** As many as vigil gives k6 at this rate: more of them cost each request more, in any script. */
const users = 400

const scenario =
  `export const options = { scenarios: { max: { executor: 'constant-arrival-rate', rate: ${rate}, ` +
  `timeUnit: '1s', duration: '${seconds}s', preAllocatedVUs: ${users}, maxVUs: ${users} } } }`

/**
 * What a k6 user writes to get the same figures: which step it was, how long it took, whether it was
 * answered well.
 */
const same = (url: string): string => `
import http from 'k6/http'
import { check } from 'k6'
import { Trend } from 'k6/metrics'
const latency = new Trend('latency_get', true)
${scenario}
export default function () {
  const response = http.get('${url}/', { timeout: '10s', tags: { name: 'get' } })
  latency.add(response.timings.duration)
  check(response, { 'status is 2xx': ({ status }) => status >= 200 && status < 300 })
}
`

/** The barest script there is: it checks nothing, so an outage would be its best result. */
const barest = (url: string): string => `
import http from 'k6/http'
${scenario}
export default function () { http.get('${url}/') }
`

export const k6: Section = {
  name: 'k6',
  about:
    'requests/s of vigil load by k6 against hand-written k6 scripts, all asked for more than they can ' +
    `make, with ${users} virtual users`,
  run: async (bench) =>
    withService(bench, async (url) => {
      const path = await k6Path(bench)
      const vigil = async (): Promise<number> => {
        const { run } = await vigilLoad(bench, url, {
          engine: 'k6',
          journeys: { fast: 1 },
          load: { ratePerSecond: rate },
          warmupSeconds: 1,
          durationSeconds: seconds,
        })
        return run.totals.throughputRps
      }
      const againstSame = await ratios(bench.rounds, vigil, async () =>
        runPlainScript(bench, path, same(url)),
      )
      const againstBarest = await ratios(bench.rounds, vigil, async () =>
        runPlainScript(bench, path, barest(url)),
      )
      const text = (found: readonly number[]): string => spreadOf(found, (ratio) => ratio.toFixed(3))
      return [
        {
          what: 'vigil / a script with the same figures',
          value: text(againstSame),
          goal: '≥ 0.95',
          met: median(againstSame) >= 0.95,
        },
        { what: 'vigil / a script that checks nothing', value: text(againstBarest) },
      ]
    }),
}

async function runPlainScript(bench: Bench, path: string, script: string): Promise<number> {
  const summary = join(bench.folder, 'by-hand.json')
  const file = join(bench.folder, 'by-hand.js')
  writeFileSync(
    file,
    `${script}export function handleSummary(data) { return { '${summary}': ` +
      'String(data.metrics.http_reqs.values.count) } }\n',
  )
  await runCommand(path, ['run', '--quiet', '--no-usage-report', file], bench.folder)
  return Number(readFileSync(summary, 'utf8')) / seconds
}

export const memory: Section = {
  name: 'memory',
  about: "vigil's own memory during a short and a three times longer load",
  run: async (bench) =>
    withService(bench, async (url) => {
      const peak = async (durationSeconds: number): Promise<number> => {
        const { finished } = await vigilLoad(bench, url, {
          engine: 'k6',
          journeys: { fast: 1 },
          load: { ratePerSecond: 1000 },
          warmupSeconds: 1,
          durationSeconds,
        })
        return finished.maxRssBytes / 1e6
      }
      const [short, long] = [await peak(10), await peak(30)]
      return [
        { what: 'peak, 10 s', value: `${short.toFixed(0)} MB`, goal: '≤ 250 MB', met: short <= 250 },
        {
          what: 'peak, 30 s',
          value: `${long.toFixed(0)} MB`,
          goal: 'no more than 10 % over that of 10 s',
          met: long <= Math.max(short * 1.1, short + 10),
        },
      ]
    }),
}

const connections = 10

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
