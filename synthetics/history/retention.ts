import type { Keeper } from './store.ts'

const dayMs = 86_400_000
/** As far back as `vigil uptime` reads. */
const keptMs = 402 * dayMs
/** Older results are in their condensed day alone: a year of 200 probes at 30 s would take 100 GB. */
const resultsKeptMs = 35 * dayMs
/** A result that was waiting for the disk comes late. */
const settledMs = 3_600_000
/** Twice what 200 probes make in a minute at 30 s. It takes 20 ms, in which no probe runs. */
const mostCondensed = 1000

/** Adds the oldest results to their condensed days: once a minute, or after each run of probes. */
export function condenseSettled(history: Keeper, nowMs: number): void {
  history.condense(nowMs - settledMs, mostCondensed)
}

/** Deletes condensed results after five weeks, and days when `vigil uptime` no longer reads them. */
export function forgetOld(history: Keeper, nowMs: number): void {
  history.forget({ resultsMs: nowMs - resultsKeptMs, daysMs: nowMs - keptMs })
}
