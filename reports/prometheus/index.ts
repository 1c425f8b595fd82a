export { metricNames, metrics, textOf } from './metrics.ts'
export type { Family } from './metrics.ts'
export { groupingLabels, openMetricsReport, runFamilies, seriesLabels } from './run-metrics.ts'
