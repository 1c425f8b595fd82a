export { metricNames, metrics, formatFamilies } from './metrics.ts'
export type { Family } from './metrics.ts'
export { groupingLabelsFor, openMetricsReport, toFamilies, seriesLabelsFor } from './run-metrics.ts'
export { runHistograms, toPushedMetrics } from './run-histograms.ts'
