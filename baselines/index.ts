export type { Budgets } from './budgets.ts'
export { verdictOf } from './verdict.ts'
export type { RowStatus, Verdict, VerdictRow, VerdictWord } from './verdict.ts'
