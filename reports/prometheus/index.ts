import type { ReportInput } from '../input.ts'
import { textOf } from './family.ts'
import { runFamilies } from './run-families.ts'

/** The runs as `metrics.prom`: text that both OpenMetrics and Prometheus read. Without a run it has only its end. Pure. */
export function openMetricsReport({ runs }: Pick<ReportInput, 'runs'>): string {
  return textOf(runFamilies(runs))
}

export { textOf } from './family.ts'
export type { Family } from './family.ts'
export { groupingLabels, runFamilies, seriesLabels } from './run-families.ts'
