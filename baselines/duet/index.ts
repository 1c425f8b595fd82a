export { cpuMargin } from './cpu.ts'
export { isDisturbed, hasTooManyDisturbed } from './load.ts'
export { judgeDuet } from './judge.ts'
export type { DuetRules } from './judge.ts'
export type { DuetAnalysis } from './looks.ts'
export {
  confirmationAlpha,
  confirms,
  planDuetAnalyses,
  duetPairs,
  isDecided,
  needsConfirmation,
  toUnconfirmed,
} from './looks.ts'
export { compareWithKnownChange, selectBisectRow } from './tell.ts'
export type { KnownChange } from './tell.ts'
export { readFact, meanOfKnown } from './units.ts'
export type { DuetUnits } from './units.ts'
