import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CountsSum, readSummary } from '../../load/engines/k6/index.ts'
import { exampleSummary, trendOf } from '../../load/engines/k6/testing/summaries.ts'
import { histogramOf, quantile, totalsOf } from '../../record/index.ts'
import { median } from '../../record/statistics/index.ts'
import { ratios, runCommand, spreadOf, vigilLoad, withService } from '../workbench.ts'
import type { Bench, Figure, Section } from '../workbench.ts'
import { k6Path } from './engines.ts'

const shards = 4

export const sharded: Section = {
  name: 'shards',
  about: `${shards} k6 on this machine against one, their percentiles against all samples, and merging 100`,
  run: async (bench) => [
    ...(await compareRate(bench)),
    ...(await comparePercentiles(bench)),
    ...(await merge(bench)),
  ],
}

const asMuchAsPossible = {
  engine: 'k6',
  journeys: { fast: 1 },
  load: { ratePerSecond: 30_000 },
  warmupSeconds: 1,
  durationSeconds: 5,
} as const

async function compareRate(bench: Bench): Promise<Figure[]> {
  return withService(bench, async (url) => {
    const rate = async (...args: string[]): Promise<number> =>
      (await vigilLoad(bench, url, asMuchAsPossible, { args })).run.totals.throughputRps
    const found = await ratios(
      bench.rounds,
      async () => rate('--shards', String(shards)),
      async () => rate(),
    )
    return [
      {
        what: `rate of ${shards} shards / of one k6`,
        value: spreadOf(found, (ratio) => ratio.toFixed(3)),
        goal: '≥ 0.95',
        met: median(found) >= 0.95,
      },
    ]
  })
}

/** The samples themselves come from k6's CSV output, which vigil does not read. */
async function comparePercentiles(bench: Bench): Promise<Figure[]> {
  const path = join(bench.folder, 'k6-with-samples')
  writeFileSync(
    path,
    `#!/bin/sh\n[ "$1" = run ] && set -- "$@" --out "csv=$(dirname "$3")/samples.csv"\n` +
      `exec '${await k6Path(bench)}' "$@"\n`,
    { mode: 0o700 },
  )
  return withService(bench, async (url) => {
    const suite = {
      ...asMuchAsPossible,
      journeys: { timed: 1 },
      load: { ratePerSecond: 400 },
      durationSeconds: 20,
    }
    const { run, out } = await vigilLoad(bench, url, suite, {
      args: ['--shards', String(shards)],
      env: { ...process.env, VIGIL_K6: path },
    })
    const samples = Array.from({ length: shards }, (_, index) =>
      readSamples(join(out, 'runs', run.id, 'k6', `shard-${index + 1}`, 'samples.csv')),
    ).flat()
    const pooled = histogramOf(samples)
    const differences = (
      [
        ['p50Ms', 0.5],
        ['p90Ms', 0.9],
        ['p95Ms', 0.95],
        ['p99Ms', 0.99],
      ] as const
    ).map(([name, q]) => Math.abs(run.totals.latency[name] / quantile(pooled, q) - 1))
    const isComplete = samples.length === run.totals.requests
    return [
      {
        what: `p50, p90, p95, p99 against ${samples.length} samples of ${run.totals.requests} requests`,
        value: differences.map((difference) => `${(difference * 100).toFixed(3)} %`).join(', '),
        goal: 'within 1 %, and no sample missing',
        met: isComplete && Math.max(...differences) <= 0.01,
      },
    ]
  })
}

function readSamples(file: string): number[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('vigil_latency_0,'))
    .map((line) => Number(line.split(',')[2]))
}

const [many, steps, requests] = [100, 20, 5000]
const planOfMany = { nonce: 'bench', steps: Array.from({ length: steps }, (_, step) => `bench/${step}`) }

async function merge(bench: Bench): Promise<Figure[]> {
  for (let shard = 1; shard <= many; shard += 1) writeFileSync(fileOf(bench.folder, shard), exampleOf(shard))
  const file = fileURLToPath(import.meta.url)
  const { stdout } = await runCommand(process.execPath, [file, bench.folder], dirname(file))
  const { ms, bytes, merged } = JSON.parse(stdout) as { ms: number; bytes: number; merged: number }
  return [
    {
      what: `merging ${many} shards of ${steps} steps, read from files (${merged} requests)`,
      value: `${ms.toFixed(0)} ms`,
      goal: '≤ 500 ms',
      met: ms <= 500 && merged === many * steps * requests,
    },
    {
      what: 'peak memory of the whole process',
      value: `${(bytes / 1e6).toFixed(0)} MB`,
      goal: '≤ 200 MB',
      met: bytes <= 200e6,
    },
  ]
}

function fileOf(folder: string, shard: number): string {
  return join(folder, `summary-${shard}.json`)
}

/** Latencies that spread over three powers of ten, as k6 reports them: to the nanosecond. */
function exampleOf(shard: number): string {
  let state = shard * 7919
  const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const latency = trendOf(
    Array.from({ length: requests }, () => Math.round(1e6 * (2 - 20 * Math.log(next()))) / 1e6),
  )
  const step = { latency, unanswered: 0, failed: {} }
  return JSON.stringify(exampleSummary({ nonce: planOfMany.nonce, steps: planOfMany.steps.map(() => step) }))
}

if (import.meta.main) {
  const folder = process.argv[2] ?? ''
  const began = performance.now()
  const sum = new CountsSum(steps)
  for (let shard = 1; shard <= many; shard += 1) {
    const read = readSummary(readFileSync(fileOf(folder, shard), 'utf8'), planOfMany)
    if (read.state === 'invalid') throw new Error(`shard ${shard} ${read.reason}`)
    sum.add(read.summary)
  }
  const merged = totalsOf(sum.counts().steps, 0, 1).requests
  const ms = performance.now() - began
  process.stdout.write(JSON.stringify({ ms, merged, bytes: process.resourceUsage().maxRSS * 1024 }))
}
