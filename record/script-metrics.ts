import type { ScriptMetric, ValueHistogram } from './documents/script.ts'

/** The statistics that a limit on a metric of a user script can name, as k6's thresholds do. */
export type ScriptStat = 'avg' | 'min' | 'med' | 'max' | 'count' | 'rate' | 'value' | `p(${number})`

/** A text that names a statistic. */
export function isScriptStat(text: string): text is ScriptStat {
  return /^(?:avg|min|med|max|count|rate|value|p\(\d{1,2}(?:\.\d+)?\))$/.test(text)
}

/** Which statistics each type of metric has, for messages; `p(N)` is any quantile. */
export const statsByType: Readonly<Record<ScriptMetric['type'], readonly string[]>> = {
  trend: ['avg', 'min', 'med', 'max', 'p(N)', 'count'],
  counter: ['count', 'rate'],
  gauge: ['value', 'min', 'max'],
  rate: ['rate'],
}

/** A statistic of a metric; undefined when its type has none of that name, or it has no sample. */
export function readStat(metric: ScriptMetric, stat: ScriptStat): number | undefined {
  if (metric.samples === 0) return undefined
  switch (metric.type) {
    case 'trend':
      return readTrend(metric, stat)
    case 'counter':
      return stat === 'count' ? metric.value : stat === 'rate' ? metric.perSecond : undefined
    case 'gauge':
      return stat === 'value' ? metric.value : stat === 'min' || stat === 'max' ? metric[stat] : undefined
    case 'rate':
      return stat === 'rate' ? metric.value : undefined
  }
}

function readTrend(metric: ScriptMetric, stat: ScriptStat): number | undefined {
  if (stat === 'avg') return metric.value
  if (stat === 'count') return metric.samples
  if (stat === 'min' || stat === 'max') return metric[stat]
  const percent = percentOf(stat)
  return percent === undefined ? undefined : valueQuantile(metric.histogram ?? [], percent / 100)
}

/** The percentile that a statistic is: 95 for `p(95)`, 50 for `med`; undefined for others. */
export function percentOf(stat: ScriptStat): number | undefined {
  if (stat === 'med') return 50
  const text = /^p\(([\d.]+)\)$/.exec(stat)?.[1]
  return text === undefined ? undefined : Number(text)
}

/** The nearest-rank quantile of values; undefined without any. */
export function valueQuantile(histogram: ValueHistogram, q: number): number | undefined {
  const samples = histogram.reduce((sum, [, count]) => sum + count, 0)
  const rank = Math.max(1, Math.ceil(q * samples - 1e-9))
  let seen = 0
  for (const [upper, count] of histogram) {
    seen += count
    if (seen >= rank) return upper
  }
  return undefined
}
