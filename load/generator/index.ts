export { saturationReasons, throughputIsLowerBound } from './saturation.ts'
export type { GeneratorFacts } from './saturation.ts'
export { watchGenerator } from './watch.ts'
export type { GeneratorWork } from './watch.ts'
