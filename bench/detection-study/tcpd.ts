import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { examineHistory } from '../../baselines/change-points/index.ts'
import type { ComparableRun } from '../../record/index.ts'

/*
 * Scores change points on the Turing Change Point Dataset (van den Burg & Williams 2020), which nothing was
 * tuned on. Clone github.com/alan-turing-institute/TCPD and run
 * `node bench/detection-study/tcpd.ts FOLDER`. Series that the clone lacks, because they are fetched from
 * elsewhere, are left out.
 */

const [folder = 'TCPD'] = process.argv.slice(2)
/** A point this near to an annotation is that one. */
const margin = 5

interface Dataset {
  name: string
  n_dim: number
  series: { raw: (number | null)[] }[]
}

const annotations = JSON.parse(readFileSync(join(folder, 'annotations.json'), 'utf8')) as Record<
  string,
  Record<string, number[]>
>

/** Series with values at or below 0 are raised: latencies are not, and are compared as ratios. */
function toRuns({ series }: Dataset): (ComparableRun | null)[] {
  const raw = series[0]?.raw ?? []
  const known = raw.filter((value) => value !== null)
  const [least, most] = [Math.min(...known), Math.max(...known)]
  const raised = least > 0 ? 0 : (most - least) * 0.1 - least
  return raw.map((value, index) => {
    if (value === null) return null
    const ms = value + raised
    const latency = { meanMs: ms, p50Ms: ms, p90Ms: ms, p95Ms: ms, p99Ms: ms, maxMs: ms }
    return {
      schema: 'vigil.run/1',
      id: String(index),
      totals: { requests: 1000, errors: 0, errorRate: 0, throughputRps: 1, latency },
      endpoints: {},
    }
  })
}

function countMatched(truth: readonly number[], found: readonly number[]): number {
  const left = new Set(found)
  return truth.filter((at) => {
    const near = [...left]
      .filter((one) => Math.abs(one - at) <= margin)
      .toSorted((a, b) => Math.abs(a - at) - Math.abs(b - at))[0]
    return near !== undefined && left.delete(near)
  }).length
}

/** F1 as its authors have it: precision against any annotator, recall as the mean over annotators. */
function scoreOf(found: readonly number[], annotators: readonly number[][]): number {
  const points = [...new Set([0, ...found])]
  const truths = annotators.map((own) => [...new Set([0, ...own])])
  const any = [...new Set(truths.flat())].toSorted((a, b) => a - b)
  const precision = countMatched(any, points) / points.length
  const recall = truths.reduce((sum, own) => sum + countMatched(own, points) / own.length, 0) / truths.length
  return (2 * precision * recall) / (precision + recall)
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const scores = readdirSync(join(folder, 'datasets')).flatMap((name) => {
  const own = annotations[name]
  const file = join(folder, 'datasets', name, `${name}.json`)
  let dataset: Dataset
  try {
    dataset = JSON.parse(readFileSync(file, 'utf8')) as Dataset
  } catch {
    return []
  }
  if (own === undefined || dataset.n_dim !== 1) return []
  const { changes, drifts, seasons } = examineHistory(toRuns(dataset), { metrics: ['p50Ms'] })
  const found = changes.map(({ index }) => index)
  const f1 = scoreOf(found, Object.values(own))
  const season = seasons.p50Ms === undefined ? '' : `, season ${seasons.p50Ms}`
  process.stdout.write(
    `${name.padEnd(24)} ${f1.toFixed(2)}  changes ${found.join(' ') || '-'}, ` +
      `drifts ${drifts.length}${season}\n`,
  )
  return [{ f1, none: scoreOf([], Object.values(own)) }]
})
process.stdout.write(
  `F1 ${mean(scores.map(({ f1 }) => f1)).toFixed(3)} over ${scores.length} series of one variable; ` +
    `no points at all: ${mean(scores.map(({ none }) => none)).toFixed(3)}\n`,
)
