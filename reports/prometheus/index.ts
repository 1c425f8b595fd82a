import type { ReportInput } from '../input.ts'
import { textOf } from './family.ts'
import { runFamilies } from './run-families.ts'

/** The runs as `metrics.prom`: OpenMetrics text that is Prometheus' too. Without a run there is nothing but the end. Pure. */
export function openMetricsReport(input: ReportInput): string {
  return textOf(runFamilies(input.runs))
}

export { registryOf } from './registry.ts'
export { runFamilies, seriesLabels } from './run-families.ts'
