export {
  findAnsweringProcess,
  isSameProcess,
  parseExposition,
  requestMetrics,
  serviceMetrics,
  sumOf,
} from './exposition.ts'
export type { AnsweringProcess, MetricsAnswer, Sample } from './exposition.ts'
export { lockTarget } from './lock.ts'
export type { LockPlan, LockResult, TargetLock } from './lock.ts'
export { otherProcessReason, placeOnPort, watchReadiness, watchServer, startTarget } from './server-side.ts'
export type { Readiness, ReadinessWatch, ReadMetrics, ServerWatch, TargetPlan } from './server-side.ts'
