export { changePoints, historyMetrics, leastRuns, locatedChanges, usualMetrics } from './change-points.ts'
export type { ChangePoint, ChangePointOptions, HistoryMetric, LocatedChange } from './change-points.ts'
