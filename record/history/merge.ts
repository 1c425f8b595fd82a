import { countOf, HistogramSum, latencyOf } from '../index.ts'
import type { Histogram } from '../index.ts'
import type { StepFigures } from './entry.ts'
import { packHistograms, unpackHistograms } from './packed.ts'

/** What runs are merged from: rows of a store. */
export interface Mergeable {
  runs: readonly { id: string; durationMs: number; histograms: Uint8Array }[]
  /** Of those runs. */
  steps: readonly ({ run: string; step: string } & Pick<StepFigures, 'requests' | 'errors' | 'meanMs'>)[]
  /** What was merged to the same row before. */
  earlier: readonly MergedStep[]
}

/** One step of several runs: the percentiles are those of the pooled histogram, not means of percentiles. */
export interface MergedStep {
  step: string
  runs: number
  durationMs: number
  figures: StepFigures
  /** Packed, so that what comes later can be added. */
  histogram: Uint8Array
}

/** The key of the histogram in its packed form. */
const only = 'all'

class StepSum {
  runs = 0
  durationMs = 0
  requests = 0
  errors = 0
  #sumMs = 0
  readonly #pool = new HistogramSum()

  /** The mean of a run counts as often as it has answers. */
  add(histogram: Histogram, figures: Pick<StepFigures, 'requests' | 'errors' | 'meanMs'>): void {
    this.requests += figures.requests
    this.errors += figures.errors
    this.#sumMs += figures.meanMs * countOf(histogram)
    for (const [upperMs, count] of histogram) this.#pool.add(upperMs, count)
  }

  merged(step: string): MergedStep {
    const histogram = this.#pool.histogram()
    const { runs, durationMs, requests, errors } = this
    const figures = { requests, errors, ...latencyOf(histogram, this.#sumMs) }
    return { step, runs, durationMs, figures, histogram: packHistograms({ [only]: histogram }) }
  }
}

/**
 * Merges runs by step. Left out are runs whose histograms cannot be read, and those with a step that has
 * none, such as a value that a user script counted: `ids` are the others.
 */
export function mergeSteps({ runs, steps, earlier }: Mergeable): { ids: string[]; steps: MergedStep[] } {
  const sums = new Map<string, StepSum>()
  const sumOf = (step: string): StepSum => {
    const sum = sums.get(step) ?? new StepSum()
    sums.set(step, sum)
    return sum
  }
  for (const one of earlier) {
    const histogram = unpackHistograms(one.histogram)?.get(only)
    if (histogram === undefined) return { ids: [], steps: [] }
    const sum = sumOf(one.step)
    sum.add(histogram, one.figures)
    sum.runs += one.runs
    sum.durationMs += one.durationMs
  }
  const namesOf = Map.groupBy(steps, ({ run }) => run)
  const read = new Map(
    runs.flatMap(({ id, durationMs, histograms }) => {
      const own = unpackHistograms(histograms)
      const isWhole = own !== undefined && (namesOf.get(id) ?? []).every(({ step }) => own.has(step))
      return isWhole ? [[id, { durationMs, own }] as const] : []
    }),
  )
  for (const { run, step, ...figures } of steps) {
    const found = read.get(run)
    if (found === undefined) continue
    const sum = sumOf(step)
    sum.add(found.own.get(step) ?? [], figures)
    sum.runs += 1
    sum.durationMs += found.durationMs
  }
  return { ids: [...read.keys()], steps: [...sums].map(([step, sum]) => sum.merged(step)) }
}

/** What identifies merged runs among the runs of a step. */
export function mergedId(startedMs: number): string {
  return `merged-${new Date(startedMs).toISOString().slice(0, 10)}`
}
