export { marginProblem, noiseFor, noiseLine, parseNoise } from './known.ts'
export type { KnownNoise, ReadNoise } from './known.ts'
export { noiseOf, noiseSeconds } from './noise.ts'
export type { SameCode, SuiteNoise } from './noise.ts'
