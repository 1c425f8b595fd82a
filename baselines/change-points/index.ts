export { findChangePoints, historyMetrics, minRuns, examineHistory, defaultMetrics } from './change-points.ts'
export type {
  ChangePoint,
  ChangePointOptions,
  History,
  HistoryMetric,
  LocatedChange,
  MetricDrift,
} from './change-points.ts'
export { runsUntil } from './drift.ts'
export { findAcknowledgement, parseAcknowledged } from './acknowledged.ts'
export type { Acknowledgement } from './acknowledged.ts'
