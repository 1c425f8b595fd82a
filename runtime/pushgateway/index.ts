export { defaultPushLimits, pushMetrics } from './push.ts'
export type { PushLimits, PushRequest, PushResult } from './push.ts'
