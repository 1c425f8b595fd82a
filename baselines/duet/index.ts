export { applyControl, judgeControl, judgeProcessControl } from './control.ts'
export type { Control, ControlUnits } from './control.ts'
export { cpuMargin } from './cpu.ts'
export { isDisturbed, hasTooManyDisturbed } from './load.ts'
export { judgeDuet } from './judge.ts'
export type { DuetRules } from './judge.ts'
export type { Confirmation, DuetAnalysis } from './interim.ts'
export {
  confirmationAlpha,
  shortConfirmationAlpha,
  confirms,
  planDuetAnalyses,
  duetPairs,
  isDecided,
  needsConfirmation,
  toUnconfirmed,
} from './interim.ts'
export { compareWithKnownChange, failsRequests, selectBisectRow } from './interim.ts'
export type { KnownChange } from './interim.ts'
export { readFact, meanOfKnown } from './units.ts'
export type { DuetUnits } from './units.ts'
