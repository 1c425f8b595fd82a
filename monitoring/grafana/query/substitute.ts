import type { DashboardJson } from './read.ts'

/** What Grafana knows when it asks. Seconds. */
export interface Surroundings {
  range: number
  /** What `$interval` is set to, the window of rates. */
  window: number
  /** Distance between two points of a picture. */
  step: number
  scrapeInterval: number
}

/**
 * The text of a query with its variables replaced as Grafana replaces them while everything is chosen: a variable's
 * `allValue`, and the built-in ones by their documented formulas (`$__rate_interval` is the step and a scrape interval,
 * but at least four of those).
 */
export function substitute(
  expr: string,
  { templating }: DashboardJson,
  { range, window, step, scrapeInterval }: Surroundings,
): string {
  const values = new Map<string, string>([
    ['__range', `${Math.ceil(range)}s`],
    ['__range_s', String(Math.ceil(range))],
    ['__interval', `${step}s`],
    ['__rate_interval', `${Math.max(step + scrapeInterval, 4 * scrapeInterval)}s`],
    ...templating.list.map(({ name, type, allValue }): [string, string] => [
      name,
      type === 'interval' ? `${window}s` : (allValue ?? ''),
    ]),
  ])
  return expr.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (all, braced: string | undefined, bare: string | undefined) => values.get(braced ?? bare ?? '') ?? all,
  )
}
