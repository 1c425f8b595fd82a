import { amount } from '../../baselines/index.ts'
import type { Run, ScriptMetric } from '../../record/index.ts'
import type { Fact } from './facts.ts'
import { cleanText, formatCount, notMeasured } from './format.ts'

/** What a user script counted itself: its metrics, then its checks. */
export function listScriptFacts({ scriptMetrics = {}, checks = {} }: Run): Fact[] {
  return [
    ...Object.entries(scriptMetrics).map(([name, metric]): Fact => [cleanText(name, 80), describe(metric)]),
    ...Object.entries(checks).map(([name, { passes, fails }]): Fact => {
      const all = passes + fails
      const share = all === 0 ? notMeasured : `${amount('ratio', passes / all)} passed`
      return [`check ${cleanText(name, 80)}`, `${share} (${formatCount(passes)} of ${formatCount(all)})`]
    }),
  ]
}

function describe(metric: ScriptMetric): string {
  const { type, samples, value, perSecond, min, p50, p95, max } = metric
  if (samples === 0) return notMeasured
  const show = (figure: number | undefined): string => formatFigure(metric, figure)
  switch (type) {
    case 'trend':
      return (
        `mean ${show(value)}, p50 ${show(p50)}, p95 ${show(p95)}, max ${show(max)} ` +
        `(${formatCount(samples)})`
      )
    case 'gauge':
      return `${show(value)} at last, ${show(min)} to ${show(max)}`
    case 'counter':
      return perSecond === undefined ? show(value) : `${show(value)}, ${show(perSecond)} per second`
    case 'rate':
      return `${amount('ratio', value)} of ${formatCount(samples)}`
  }
}

function formatFigure({ unit }: ScriptMetric, value: number | undefined): string {
  if (value === undefined) return notMeasured
  return unit === undefined ? String(Number(value.toPrecision(4))) : amount(unit, value)
}
