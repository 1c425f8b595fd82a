export {
  computeHoldsUntil,
  computeOverdue,
  createSystemClock,
  estimateHoldsUntil,
  estimateOverdue,
  splayCadence,
} from './due.ts'
export type { Clock } from './due.ts'
export { createHeartbeatFile, runSchedule, scheduleLimits } from './scheduler.ts'
export type {
  Heartbeat,
  Job,
  ScheduleEvent,
  ScheduleLimits,
  SchedulePlan,
  SuperviseResult,
} from './scheduler.ts'
