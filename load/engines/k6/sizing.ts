import type { Journey } from '../../../journeys/index.ts'

/** How many virtual users k6 has, and as how many different users they act. */
export interface Sizing {
  /** Ready before the load begins. */
  preAllocated: number
  /** k6 makes more while the load runs, up to this, when those are all waiting. */
  maxUsers: number
  /** Different users; each runs the `before` steps once. */
  users: number
}

/** What k6 holds for one virtual user, measured with journeys of a few steps: its own JavaScript runtime and connections. */
const bytesPerUser = 500_000
const memoryShare = 0.25
const most = 400
const least = 10
const readyForMs = 500
/** Logins are made slow on purpose; so many different users are enough to keep the target from answering all from one cache. */
const mostDifferent = 50

/** An answer that takes longer than this keeps virtual users waiting for the target, and not for us. */
export const slowAnswerMs = 100

/**
 * Virtual users for a rate. By Little's law `rate × how long a journey takes` of them are busy at once.
 *
 * - Ready are enough for half a second a request, which is where budgets are: k6 drops an arrival for each user it has to
 *   make while it runs, so a target that keeps its promises must not need more.
 * - The most are enough for every request to take a second and one of them to run into its time limit. With more the run
 *   would tell nothing new: a target that slow has failed, and its dropped arrivals are counted.
 * - Memory bounds both, at a quarter of what is free; so do 400, beyond which they
 *   get into each other's way: with 1,000 k6 made less load than with 50, on two cores.
 */
export function sizeUsers(facts: {
  ratePerSecond: number
  requestTimeoutMs: number
  journeys: readonly Journey[]
  freeBytes: number
}): Sizing {
  const steps = Math.max(1, ...facts.journeys.map((journey) => journey.steps.length))
  const affordable = Math.max(
    least,
    Math.min(most, Math.floor((facts.freeBytes * memoryShare) / bytesPerUser)),
  )
  const busyFor = (ms: number): number => Math.ceil((facts.ratePerSecond * ms) / 1000)
  const maxUsers = within(busyFor(steps * 1000 + facts.requestTimeoutMs), least, affordable)
  const preAllocated = within(busyFor(steps * readyForMs), least, maxUsers)
  const prepares = facts.journeys.some((journey) => journey.before?.length)
  return {
    preAllocated,
    maxUsers,
    users: prepares ? within(busyFor(steps * slowAnswerMs), 1, Math.min(mostDifferent, maxUsers)) : maxUsers,
  }
}

function within(value: number, from: number, to: number): number {
  return Math.min(to, Math.max(from, value))
}
