export { adviseNextSteps } from './advice.ts'
export { composeCommand } from './format.ts'
export {
  describeCauses,
  figureHeadings,
  findFirstFailureMs,
  overall,
  toFailureTexts,
  toProbeText,
  toStepFigures,
} from './cells.ts'
export type { FailureText, ProbeText, StepFigures, StepText } from './cells.ts'
export {
  describeLoad,
  listEnvironmentFacts,
  listGeneratorFacts,
  listServerFacts,
  listTargetFacts,
} from './facts.ts'
export type { Fact } from './facts.ts'
export { listScriptFacts } from './script.ts'
export {
  capitalize,
  cleanText,
  countAnswered,
  formatCount,
  formatDuration,
  formatNumber,
  formatRate,
  formatSeconds,
  notMeasured,
  toPublicUrl,
} from './format.ts'
export {
  findNearestLimit,
  formatLocation,
  formatRule,
  formatUse,
  listBrokenRows,
  listSkippedRows,
  summarizeVerdict,
  toBudgetUses,
} from './rules.ts'
export type { BudgetUse } from './rules.ts'
export { describeCertainty, describeTotals, findExceededSteps, shortRevision } from './rules.ts'
export type { ExceededSteps } from './rules.ts'
export {
  describeLargestIncrease,
  formatCodePlace,
  formatSigned,
  summarizeProfile,
  toFunctionText,
} from './profile.ts'
export {
  formatFactor,
  formatLevel,
  formatLimits,
  formatMetric,
  formatPlace,
  formatRatio,
  listEffects,
  summarizeComparison,
  wholeRun,
} from './comparison.ts'
