import type { Budgets, Verdict } from '../baselines/index.ts'
import type { Run } from '../record/index.ts'

/** A load run, judged, and the folder that its files go to. */
export interface JudgedRun {
  run: Run
  budgets: Budgets
  verdict: Verdict
  folder: string
}
