export { cpuMargin } from './cpu.ts'
export { isDisturbed, isUnfit } from './load.ts'
export { judgeDuet } from './judge.ts'
export type { DuetRules } from './judge.ts'
export type { DuetLook } from './looks.ts'
export {
  confirmingAlpha,
  confirms,
  duetLooks,
  duetPairs,
  isSure,
  needsConfirming,
  unconfirmed,
} from './looks.ts'
export { tell, tellingRow } from './tell.ts'
export type { Known } from './tell.ts'
export { factOf, meanOf } from './units.ts'
export type { DuetUnits } from './units.ts'
