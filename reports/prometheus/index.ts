import type { ReportInput } from '../input.ts'
import { textOf } from './family.ts'
import { runFamilies } from './run-families.ts'

/** The runs as `metrics.prom`: Prometheus text that is OpenMetrics too. Without a run there is nothing but the end. */
export function metricsReport(input: ReportInput): string {
  return textOf(runFamilies(input.runs))
}

export { registryOf } from './registry.ts'
export { runFamilies, seriesLabels } from './run-families.ts'
