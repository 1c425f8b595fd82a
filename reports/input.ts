import type { BaselineFigures } from '../baselines/accepted/index.ts'
import type { SuiteNoise } from '../baselines/noise/index.ts'
import type { Budgets, Verdict } from '../baselines/index.ts'
import type { Run, ProbesReport } from '../record/index.ts'

/** The input of every report. Reports are pure: the same input results in the same text, byte for byte. */
export interface ReportInput {
  /** The command: `gate`, `load capacity`, `probe`. */
  title: string
  /** The overall verdict. */
  verdict: Verdict
  runs: RunReport[]
  probes?: ProbesReport
  /** What was skipped, and warnings; one line each. */
  notes: string[]
  /** What was typed after `vigil`, so that the next step can be a command to paste. */
  command?: readonly string[]
  /** The target's URL. */
  target?: string
  /** The folder of the files. */
  folder?: string
  vigilVersion: string
}

/** One load run with its budgets and its verdict. */
export interface RunReport {
  run: Run
  budgets: Budgets
  verdict: Verdict
  /** The levels of the accepted runs that it was compared with. */
  baseline?: BaselineFigures
  /** The noise of its suite on this machine, if `vigil doctor --noise` has measured it. */
  noise?: SuiteNoise
}
