import type { Run, ScriptMetric } from '../../record/index.ts'
import type { AcceptedRun } from './baseline.ts'
import type { Prior, Reading, ScriptFigure } from './reading.ts'

type Counts = Pick<Run, 'scriptMetrics' | 'checks'>

export function isScriptFigure(metric: string): metric is ScriptFigure {
  return metric.startsWith('script ')
}

/**
 * What a user script counts itself, compared with accepted runs: metrics whose better direction is known,
 * and the share of each check that passed. Only what both sides counted, and what has a logarithm.
 */
export function buildScriptReadings(
  accepted: readonly AcceptedRun[],
  run: AcceptedRun,
  rules: { priors: { within: Prior; between: Prior }; margin: number },
): Reading[] {
  const figures = [
    ...Object.entries(run.scriptMetrics ?? {}).flatMap(([name, metric]) => listFigures(name, metric)),
    ...Object.keys(run.checks ?? {}).map((name) => checkFigure(name)),
  ]
  return figures.flatMap(({ metric, unit, worse, read }) => {
    const [own, ...others] = [run, ...accepted].map((one) => read(one))
    const values = others.map((figure) => toLogarithm(figure?.value))
    const logarithm = toLogarithm(own?.value)
    if (own === undefined || Number.isNaN(logarithm) || values.every(Number.isNaN)) return []
    return [
      { ...rules, metric, unit, step: null, worse, accepted: values, run: logarithm, sampling: own.sampling },
    ]
  })
}

interface Figure {
  metric: ScriptFigure
  unit: ScriptMetric['unit'] | 'ratio'
  worse: 1 | -1
  /** The value in a run, and the relative error that its samples alone give it. */
  read: (run: Counts) => { value: number | undefined; sampling: number } | undefined
}

function toLogarithm(value: number | undefined): number {
  return value !== undefined && value > 0 ? Math.log(value) : Number.NaN
}

/** As for latencies (docs/detection.md). */
const quantileSampling = { p50: 1.2, p95: 3 } as const

function listFigures(name: string, { type, unit, better }: ScriptMetric): Figure[] {
  if (better === undefined) return []
  const worse = better === 'lower' ? 1 : -1
  const figure = (stat: string, read: (metric: ScriptMetric) => ReturnType<Figure['read']>): Figure => ({
    metric: `script ${name}${stat}`,
    unit: type === 'rate' ? 'ratio' : unit,
    worse,
    read: ({ scriptMetrics }) => {
      const metric = scriptMetrics?.[name]
      return metric?.type === type && metric.samples > 0 ? read(metric) : undefined
    },
  })
  switch (type) {
    case 'trend':
      return (['p50', 'p95'] as const).map((quantile) =>
        figure(` ${quantile}`, (metric) => ({
          value: metric[quantile],
          sampling: quantileSampling[quantile] / Math.sqrt(metric.samples),
        })),
      )
    case 'counter':
      return [
        figure(' per second', ({ perSecond, samples }) => ({
          value: perSecond,
          sampling: 1 / Math.sqrt(samples),
        })),
      ]
    case 'gauge':
      return [figure('', ({ value }) => ({ value, sampling: 0 }))]
    case 'rate':
      return [figure('', ({ value, samples }) => ({ value, sampling: shareSampling(value, samples) }))]
  }
}

function checkFigure(name: string): Figure {
  return {
    metric: `script check ${name}`,
    unit: 'ratio',
    worse: -1,
    read: ({ checks }) => {
      const found = checks?.[name]
      const all = found === undefined ? 0 : found.passes + found.fails
      if (found === undefined || all === 0) return undefined
      const value = found.passes / all
      return { value, sampling: shareSampling(value, all) }
    },
  }
}

/** Standard error of the logarithm of a share. */
function shareSampling(share: number, samples: number): number {
  return share > 0 ? Math.sqrt((1 - share) / (share * samples)) : 0
}
