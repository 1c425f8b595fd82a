export { exactDefaults, exactRows } from './judge.ts'
export type { ExactRule, ExactRules } from './judge.ts'
export { addPair, closeUnit, exactMetrics, mergeTallies, noTally } from './tally.ts'
export type { ExactMetric, ExactTallies, PairedTally } from './tally.ts'
