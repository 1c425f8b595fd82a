export { bearer, canary, exceedLimit, liveADay, secrets, userLimits } from './day.ts'
export { metricsContract, type Sample, samplesOf } from './metrics.ts'
