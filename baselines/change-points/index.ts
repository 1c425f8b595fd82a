export { changePoints, historyMetrics, leastRuns, usualMetrics } from './change-points.ts'
export type { ChangePoint, ChangePointOptions, HistoryMetric } from './change-points.ts'
