import type { ReportInput } from '../../input.ts'
import { erring, killed, nothingRan, saturated, slow, unanswered, undecided, unreached } from './bad.ts'
import { duetHostile, duetInvalid, duetOpen, duetSame, duetSlower } from './duet.ts'
import { fortySteps, oneStep, passing } from './good.ts'
import { allBroken, hostile, huge, noSteps, zeroRequests } from './odd.ts'

/** Every example by name; each report must cope with each of them. */
export const examples: Record<string, () => ReportInput> = {
  passing,
  slow,
  erring,
  killed,
  saturated,
  unanswered,
  undecided,
  nothingRan,
  unreached,
  oneStep,
  fortySteps,
  noSteps,
  zeroRequests,
  huge,
  allBroken,
  hostile,
  duetSlower,
  duetSame,
  duetOpen,
  duetInvalid,
  duetHostile,
}

export { hostileText } from './odd.ts'
export { gateOf } from './gate.ts'
export { runReport } from './build.ts'
export type { RunSpec, StepSpec } from './build.ts'
