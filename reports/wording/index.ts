export { adviceOf } from './advice.ts'
export { environmentFacts, generatorFacts, loadLine, serverFacts, targetFacts } from './facts.ts'
export type { Fact } from './facts.ts'
export { causes, failureTexts, firstFailureMs } from './failure.ts'
export type { FailureText } from './failure.ts'
export { answeredIn, bare, count, duration, moment, nothing, rate } from './figure.ts'
export { figureHeadings, figureRows } from './figures.ts'
export type { FigureRow } from './figures.ts'
export { plain, plainUrl } from './plain.ts'
export { probeText } from './probe.ts'
export type { ProbeText, StepText } from './probe.ts'
export {
  brokenRows,
  budgetUses,
  nearestLimit,
  ruleLine,
  skippedRows,
  tally,
  usedText,
  whereOf,
} from './rule.ts'
export type { BudgetUse } from './rule.ts'
