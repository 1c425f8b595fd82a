export { findMarginProblem, noiseFor, formatNoise, parseNoise } from './known.ts'
export type { KnownNoise, ReadNoise } from './known.ts'
export { estimateNoise, noiseSeconds } from './noise.ts'
export type { SameCodeUnits, SuiteNoise } from './noise.ts'
