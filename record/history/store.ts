import type { KeptRun, RunEntry, StepRun } from './entry.ts'

/** Runs that can be compared with each other. */
export interface Series {
  suite: string
  engine: string
  environment: string
  target: string
  load: string
}

/** What runs are grouped by, in the order in which series are listed. */
export const seriesKeys = [
  'suite',
  'engine',
  'environment',
  'target',
  'load',
] as const satisfies (keyof Series)[]

export function seriesOf({ suite, engine, environment, target, load }: Series): Series {
  return { suite, engine, environment, target, load }
}

/** A record that could not be read, by the id of its run. */
export interface SetAside {
  id: string
  problem: string
}

/**
 * An index over the records of runs, which are the source of truth: whatever it holds can be made again from
 * them, but for entries of runs whose records were deleted since, or are on another machine. What was put is
 * stored once its promise has resolved; a power failure may cost what was put after the last `markSeen`. One
 * contract (`contract.ts`) for every implementation.
 */
export interface RunHistory {
  /** All or none; a later entry of a run takes the place of an earlier one. */
  put: (entries: readonly KeptRun[], setAside: readonly SetAside[]) => Promise<void>
  /**
   * Those of these runs that it holds completely: not those of an older version, which lack their series or
   * their steps.
   */
  known: (ids: readonly string[]) => Promise<Set<string>>
  /** Every series that has a run, by suite. */
  series: (suite?: string) => Promise<Series[]>
  /** The newest runs of a series, oldest of them first, and how many there are in all. */
  runs: (series: Series, newest: number) => Promise<{ entries: RunEntry[]; all: number }>
  /** The steps that some run of a series had. */
  steps: (series: Series) => Promise<string[]>
  /**
   * One step of the newest runs of a series that began at a time or later, oldest of them first. Merged runs
   * are one among them.
   */
  step: (series: Series, step: string, since: { newest: number; fromMs?: number }) => Promise<StepRun[]>
  /** The newest run of each series, by time, the newest first. */
  latest: (suite?: string) => Promise<RunEntry[]>
  /** The histograms of those of these runs that have some, in base64: of a few hundred runs at a time. */
  histograms: (ids: readonly string[]) => Promise<Map<string, string>>
  /** Valid runs of a series that began earlier, and have histograms of their own. */
  detailed: (series: Series, beforeMs: number) => Promise<DetailedRun[]>
  /**
   * Merges the steps of these runs of a series to one row for each step, with those merged at that time
   * before, and deletes their own rows and histograms. Everything else about the runs stays. All or none; a
   * run counts once, however often it is named. Returns how many were merged now.
   */
  thin: (series: Series, ids: readonly string[], atMs: number) => Promise<number>
  /** Of the folder of runs that it was opened for. */
  setAside: () => Promise<SetAside[]>
  /** Before they are read again: a record may have been repaired. */
  forgetSetAside: () => Promise<void>
  /** The state of the runs' folder that this agrees with; undefined when there is none. */
  seen: () => Promise<string | undefined>
  markSeen: (state: string | undefined) => Promise<void>
}

export interface DetailedRun {
  id: string
  startedMs: number
}

/** A PostgreSQL that several machines keep their history in. */
export interface HistoryDatabase {
  /** `postgres://…`, which may contain a password. */
  url: string
  /** Its name in messages: where the URL was given. */
  name: string
  /** Distinguishes this machine's folder of runs from those of others. */
  place: string
}

/** When a run began, for putting runs in order; 0 for what is no time. */
export function momentOf({ startedAt }: RunEntry): number {
  const ms = Date.parse(startedAt)
  return Number.isFinite(ms) ? ms : 0
}

/** A database of history that cannot be used now; in one line, with no secret in it. */
export class HistoryUnavailable extends Error {
  override name = 'HistoryUnavailable'
}
