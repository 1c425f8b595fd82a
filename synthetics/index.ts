export { resolveProbeLimits, runProbes } from './probes.ts'
export type { ProbesPlan } from './probes.ts'
export { toProbeRecord } from './record.ts'
export type { ProbeFacts } from './record.ts'
