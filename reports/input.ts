import type { BaselineFigures } from '../baselines/accepted/index.ts'
import type { SuiteNoise } from '../baselines/noise/index.ts'
import type { ProfileComparison } from '../baselines/profiles/index.ts'
import type { Explanation } from '../baselines/why/index.ts'
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
  /** Set for a duet: its verdict is about two sides, and `runs` has the candidate. */
  comparison?: Comparison
}

/** What a duet measured on both sides. */
export interface Comparison {
  suite: string
  /** Names for people. */
  sides: { baseline: string; candidate: string }
  pairs: number
  loadSeconds: number
  /** Pairs of newly started processes: with more than one, a fail was repeated. */
  processPairs: number
  why: readonly Explanation[]
  /** Which functions use more CPU time; missing where nothing was profiled. */
  profile?: ProfileComparison
  /** All units of the baseline as one run; missing when there were none. */
  baseline?: Run
  /** p95 of each pair in the order of measurement; missing where nothing was answered. */
  byPair: readonly { baselineMs?: number; candidateMs?: number }[]
  /** The baseline against itself: how precise this machine is now. */
  control?: string
  /** The command that repeats it. */
  repeat: string
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
