export { defaultPushLimits, pushRegistry, pushRun } from './push.ts'
export type { PushLimits, PushRequest, PushResult } from './push.ts'
