import type { ComparableRun } from '../../record/index.ts'
import { logQuantile, minRequestsFor, mixerFor, quantiles, toDistributions } from './quantiles.ts'
import type { Distribution, Layer, Mixer, Quantile, Quantiles } from './quantiles.ts'

/** One metric that is compared: its logarithm in every run; NaN in a run that lacks it. */
export interface Measure {
  metric: 'p50Ms' | 'p95Ms' | 'p99Ms' | 'throughputRps'
  /** null for the overall run. */
  step: string | null
  /** 1 when more is worse, −1 when less is. */
  worse: 1 | -1
  baseline: number[]
  candidate: number[]
  /** Standard deviation that one value has at the least, because it is read no more exactly. */
  leastSpread: number
  /** Why some value is missing: fewer requests than a quantile needs. */
  tooFew?: { least: number; needed: number }
}

/**
 * A bucket is up to 1 % wide: its true value is uniform within, in both runs of a pair, so √2 · 1 % / √12.
 */
const latencySpread = (Math.SQRT2 * 0.01) / Math.sqrt(12)
/** A block of a paced load ends within a request or so of its time. */
const throughputSpread = 0.001

/** One run's steps that answered something. */
type Steps = Map<string, Distribution>

/** A quantile's logarithm in one run, and how many requests it rests on. */
interface Reading {
  log: number
  samples: number
}

/**
 * What can be compared between two sets of runs that have the same steps: overall p50, p95, p99 and
 * throughput, p50 and p95 of every step. The overall distribution is pooled at one mix of steps for all runs,
 * that of both sides together, so that a shifted mix is no change. `paired`: the i-th runs are a pair, and a
 * step that one of them lacks is left out of both. `asQuantiles`: how quantiles are read, for studies of
 * that.
 */
export function buildMeasures(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
  paired: boolean,
  asQuantiles: Quantiles = quantiles,
): Measure[] {
  const pooledQuantiles = Object.values(asQuantiles)
  const stepQuantiles = [asQuantiles.p50Ms, asQuantiles.p95Ms]
  const [b, c] = [baseline.map(toSteps), candidate.map(toSteps)]
  const all = [...b, ...c]
  const mix = sumMix(all)
  const mixer = mixerFor(Math.max(...all.map(countPoints)))
  const pooledB = b.map((steps, index) =>
    pool(steps, paired ? c[index] : undefined, mix, mixer, pooledQuantiles),
  )
  const pooledC = c.map((steps, index) =>
    pool(steps, paired ? b[index] : undefined, mix, mixer, pooledQuantiles),
  )
  return [
    ...pooledQuantiles.map((quantile, at) =>
      quantileMeasure(
        quantile,
        null,
        pooledB.map((readings) => readings[at]),
        pooledC.map((readings) => readings[at]),
      ),
    ),
    throughputMeasure(baseline, candidate),
    ...[...mix.keys()]
      .toSorted()
      .flatMap((step) =>
        stepQuantiles.map((quantile) =>
          quantileMeasure(quantile, step, readStep(b, step, quantile), readStep(c, step, quantile)),
        ),
      ),
  ]
}

function toSteps(run: ComparableRun): Steps {
  const names = Object.keys(run.endpoints)
  const distributions = toDistributions(Object.values(run.endpoints).map(({ histogram }) => histogram))
  const steps: Steps = new Map()
  for (const [index, distribution] of distributions.entries()) {
    if (distribution.samples > 0) steps.set(names[index] ?? '', distribution)
  }
  return steps
}

function countPoints(steps: Steps): number {
  return [...steps.values()].reduce((sum, { logMs }) => sum + logMs.length, 0)
}

/** Answered requests by step over all runs: the mix that every run is weighted to. */
function sumMix(runs: readonly Steps[]): Map<string, number> {
  const mix = new Map<string, number>()
  for (const steps of runs) {
    for (const [step, { samples }] of steps) mix.set(step, (mix.get(step) ?? 0) + samples)
  }
  return mix
}

function pool(
  steps: Steps,
  partner: Steps | undefined,
  mix: ReadonlyMap<string, number>,
  mixer: Mixer,
  wanted: readonly Quantile[],
): Reading[] {
  const layers: Layer[] = []
  for (const [step, distribution] of steps) {
    if (partner === undefined || partner.has(step))
      layers.push({ distribution, factor: (mix.get(step) ?? 0) / distribution.samples })
  }
  const pooled = mixer(layers)
  return wanted.map((quantile) => readQuantile(quantile, pooled))
}

function readQuantile({ window }: Quantile, distribution: Distribution): Reading {
  return { log: logQuantile(distribution, window), samples: distribution.samples }
}

function readStep(runs: readonly Steps[], step: string, quantile: Quantile): (Reading | undefined)[] {
  return runs.map((steps) => {
    const distribution = steps.get(step)
    return distribution && readQuantile(quantile, distribution)
  })
}

function quantileMeasure(
  quantile: Quantile,
  step: string | null,
  baseline: readonly (Reading | undefined)[],
  candidate: readonly (Reading | undefined)[],
): Measure {
  const needed = minRequestsFor(quantile)
  const least = Math.min(...[...baseline, ...candidate].map((reading) => reading?.samples ?? 0))
  const read = (reading: Reading | undefined): number =>
    reading && reading.samples >= needed ? reading.log : Number.NaN
  return {
    metric: quantile.name,
    step,
    worse: 1,
    baseline: baseline.map(read),
    candidate: candidate.map(read),
    leastSpread: latencySpread,
    ...(least < needed && { tooFew: { least, needed } }),
  }
}

/**
 * Answered requests per second. A run that answered nothing counts as half a request, so that nothing at all
 * is a loss, not a gap.
 */
function throughputMeasure(baseline: readonly ComparableRun[], candidate: readonly ComparableRun[]): Measure {
  const answering = [...baseline, ...candidate].filter((run) => run.totals.throughputRps > 0)
  const half =
    Math.min(...answering.map(({ totals }) => totals.throughputRps / Math.max(1, totals.requests))) / 2
  const read = ({ totals }: ComparableRun): number =>
    answering.length > 0 ? Math.log(Math.max(totals.throughputRps, half)) : Number.NaN
  return {
    metric: 'throughputRps',
    step: null,
    worse: -1,
    baseline: baseline.map(read),
    candidate: candidate.map(read),
    leastSpread: throughputSpread,
  }
}
