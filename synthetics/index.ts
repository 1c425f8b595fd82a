export { resolveProbeLimits, runProbes } from './probes.ts'
export type { ProbesPlan } from './probes.ts'
export { toProbeRecord } from './probes.ts'
export type { ProbeFacts } from './probes.ts'
