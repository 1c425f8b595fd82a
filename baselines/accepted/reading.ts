import type { Measure } from '../compare/measures.ts'

/** The name of a script's own figure in rows: of a metric with its statistic, or of a check. */
export type ScriptFigure = `script ${string}`

export type BaselineMetric = Measure['metric'] | 'cpuMsPerRequest' | 'statementsPerRequest' | ScriptFigure

/** A deviation that is assumed until runs have shown theirs, with the weight of this many observations. */
export interface Prior {
  deviation: number
  degrees: number
}

/**
 * One metric by which a run is compared with accepted ones: its logarithm in each of them; NaN where a run
 * lacks it.
 */
export interface Reading {
  metric: BaselineMetric
  /** Of a figure of a script; missing: a plain number. */
  unit?: 'ms' | 'bytes' | 'ratio' | undefined
  step: string | null
  /** 1 when more is worse, −1 when less is. */
  worse: 1 | -1
  accepted: number[]
  run: number
  /** Standard deviation that sampling alone gives the run's value. */
  sampling: number
  priors: { within: Prior; between: Prior }
  /** Loss accepted, as a share. */
  margin: number
}
