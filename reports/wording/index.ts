export { adviseNextSteps } from './advice.ts'
export {
  describeCauses,
  toFailureTexts,
  figureHeadings,
  toStepFigures,
  findFirstFailureMs,
  toProbeText,
} from './cells.ts'
export type { FailureText, StepFigures, ProbeText, StepText } from './cells.ts'
export {
  listEnvironmentFacts,
  listGeneratorFacts,
  describeLoad,
  listServerFacts,
  listTargetFacts,
} from './facts.ts'
export type { Fact } from './facts.ts'
export {
  countAnswered,
  formatNumber,
  formatCount,
  formatDuration,
  formatSeconds,
  notMeasured,
  cleanText,
  toPublicUrl,
  formatRate,
} from './format.ts'
export {
  listBrokenRows,
  toBudgetUses,
  findNearestLimit,
  formatRule,
  listSkippedRows,
  summarizeVerdict,
  formatUse,
  formatLocation,
} from './rules.ts'
export type { BudgetUse } from './rules.ts'
