export { bearer, canary, exceedLimit, simulateDay, secrets, userLimits } from './day.ts'
export { metricsContract, parseSamples } from './metrics.ts'
export type { Sample } from './metrics.ts'
