import { countOf } from '../../record/index.ts'
import type { Run, Totals } from '../../record/index.ts'
import { answeredIn, bare, count, rate } from './figure.ts'
import { plain } from './plain.ts'

/** One line of the table of steps, as text; the headings of `figureHeadings` name the units. */
export interface FigureRow {
  /** `journey/step`, cleaned, or null for the whole run. */
  step: string | null
  figures: string[]
}

export const figureHeadings = [
  'requests',
  'req/s',
  'errors %',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'max ms',
] as const

/** The table of steps: one row a step in the record's order, the whole run last. */
export function figureRows(run: Run): FigureRow[] {
  const steps = Object.entries(run.endpoints).map(([step, endpoint]) =>
    figureRow(plain(step), endpoint, countOf(endpoint.histogram)),
  )
  return [...steps, figureRow(null, run.totals, answeredIn(run))]
}

function figureRow(step: string | null, totals: Totals, answered: number): FigureRow {
  const latency = (ms: number): string => bare('ms', answered === 0 ? undefined : ms)
  const { p50Ms, p95Ms, p99Ms, maxMs } = totals.latency
  return {
    step,
    figures: [
      count(totals.requests),
      rate(totals.throughputRps),
      bare('ratio', totals.requests === 0 ? undefined : totals.errorRate),
      latency(p50Ms),
      latency(p95Ms),
      latency(p99Ms),
      latency(maxMs),
    ],
  }
}
