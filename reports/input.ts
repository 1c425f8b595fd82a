import type { BaselineFigures } from '../baselines/accepted/index.ts'
import type { Budgets, Verdict } from '../baselines/index.ts'
import type { Run, ProbesReport } from '../record/index.ts'

/** What every report is made of. Reports are pure: the same input gives the same text, byte for byte. */
export interface ReportInput {
  /** What was done: `gate`, `load capacity`, `probe`. */
  title: string
  /** Over everything. */
  verdict: Verdict
  runs: RunReport[]
  probes?: ProbesReport
  /** What was left out, and warnings; one line each. */
  notes: string[]
  /** Where the files lie. */
  folder?: string
  vigilVersion: string
}

/** One load run with what it was promised to keep and whether it did. */
export interface RunReport {
  run: Run
  budgets: Budgets
  verdict: Verdict
  /** The levels of the accepted runs that it was held against. */
  baseline?: BaselineFigures
}
