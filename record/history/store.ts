import type { RunEntry } from './entry.ts'

/** Runs that can be held against each other. */
export interface Series {
  suite: string
  engine: string
  environment: string
}

/** A record that could not be read, by the id of its run. */
export interface SetAside {
  id: string
  problem: string
}

/**
 * An index over the records of runs, which are the source of truth: whatever it holds can be made again from them, but for entries of
 * runs whose records were deleted since. Synchronous: what was put is there.
 */
export interface RunHistory {
  /** All or none; a later entry of a run takes the place of an earlier one. */
  put: (entries: readonly RunEntry[], setAside: readonly SetAside[]) => void
  /** Ids of all runs that it holds. */
  ids: () => Set<string>
  /** Every series there is, by suite. */
  series: (suite?: string) => Series[]
  /** The newest runs of a series, oldest of them first, and how many there are in all. */
  runs: (series: Series, newest: number) => { entries: RunEntry[]; all: number }
  /** The newest run of each series, by time, the newest first. */
  latest: (suite?: string) => RunEntry[]
  setAside: () => SetAside[]
  /** Before they are looked at again: a record may have been mended. */
  forgetSetAside: () => void
  /** The state of the runs' folder that this agrees with; undefined when there is none. */
  seen: () => string | undefined
  markSeen: (state: string | undefined) => void
  close: () => void
}
