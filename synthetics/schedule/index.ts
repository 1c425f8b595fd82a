export {
  computeHoldsUntil,
  computeOverdue,
  createSystemClock,
  estimateHoldsUntil,
  estimateOverdue,
  splayCadence,
} from './due.ts'
export type { Clock } from './due.ts'
export { createHeartbeatFile } from './heartbeat.ts'
export type { Heartbeat } from './heartbeat.ts'
export { runSchedule, scheduleLimits } from './scheduler.ts'
export type { Job, ScheduleEvent, ScheduleLimits, SchedulePlan, SuperviseResult } from './scheduler.ts'
