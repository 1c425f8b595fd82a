export { findChangePoints, historyMetrics, minRuns, locateChanges, defaultMetrics } from './change-points.ts'
export type { ChangePoint, ChangePointOptions, HistoryMetric, LocatedChange } from './change-points.ts'
