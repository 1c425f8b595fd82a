export { adviceOf } from './advice.ts'
export { causes, failureTexts, figureHeadings, figureRows, firstFailureMs, probeText } from './cells.ts'
export type { FailureText, FigureRow, ProbeText, StepText } from './cells.ts'
export { environmentFacts, generatorFacts, loadLine, serverFacts, targetFacts } from './facts.ts'
export type { Fact } from './facts.ts'
export { answeredIn, bare, count, duration, moment, nothing, plain, plainUrl, rate } from './format.ts'
export {
  brokenRows,
  budgetUses,
  nearestLimit,
  ruleLine,
  skippedRows,
  tally,
  usedText,
  whereOf,
} from './rules.ts'
export type { BudgetUse } from './rules.ts'
