import type { BaselineFigures } from '../../baselines/accepted/index.ts'
import type { Budgets, Verdict } from '../../baselines/index.ts'
import type { Run } from '../../record/index.ts'
import type { RunReport } from '../../reports/index.ts'

/** A load run, judged, and the folder that its files go to. */
export interface JudgedRun {
  run: Run
  budgets: Budgets
  verdict: Verdict
  folder: string
  /** The levels it was held against, when runs were accepted of its suite here. */
  baseline?: BaselineFigures
  /** For whoever reads its report: what it was not held against, and how it could be. */
  notes?: string[]
}

/** What a report says of a judged run. */
export function runReportOf({ run, budgets, verdict, baseline }: JudgedRun): RunReport {
  return { run, budgets, verdict, ...(baseline && { baseline }) }
}
