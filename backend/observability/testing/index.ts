export { bearer, canary, exceedLimit, liveADay, secrets, userLimits } from './day.ts'
export { metricsContract, samplesOf } from './metrics.ts'
export type { Sample } from './metrics.ts'
