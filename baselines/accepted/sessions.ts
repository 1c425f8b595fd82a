import type { Prior, Reading } from './reading.ts'
import type { Estimate } from '../compare/trimmed.ts'

/**
 * How runs of one machine differ: within a session (runs soon after each other), and from one session to the
 * next (another hour, other neighbours, another boot). Both as variances of a logarithm with the degrees of
 * freedom that they rest on.
 */
export interface Spread {
  within: Variance
  between: Variance
}

export interface Variance {
  variance: number
  degrees: number
}

/** Values of runs in the order of time, in their sessions. */
export type Sessions = readonly (readonly number[])[]

/** Runs that began within this time of the one before are one session. */
const sessionGapMs = 30 * 60_000

/** The number of the session that each run belongs to; `startedAtMs` rising. */
export function numberSessions(startedAtMs: readonly number[]): number[] {
  let session = 0
  return startedAtMs.map((at, index) => {
    if (index > 0 && at - (startedAtMs[index - 1] ?? at) > sessionGapMs) session += 1
    return session
  })
}

/**
 * The spread of runs, moderated: the variance that was seen and one assumed beforehand, weighted by their
 * degrees of freedom (Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3(1):3). Five runs of one hour know nothing
 * about other hours, so without the assumption a gate would take the next hour for a regression. Between
 * sessions the variance is that of successive means (von Neumann 1941), which a slow creep, the very thing to
 * be found, hardly widens.
 */
export function estimateSpread(sessions: Sessions, priors: { within: Prior; between: Prior }): Spread {
  const means = sessions.map(meanOf)
  const runs = sessions.reduce((sum, values) => sum + values.length, 0)
  const squares = sessions.reduce(
    (sum, values, index) =>
      sum + values.reduce((inner, value) => inner + (value - (means[index] ?? 0)) ** 2, 0),
    0,
  )
  const steps = means.slice(1).reduce((sum, mean, index) => sum + (mean - (means[index] ?? 0)) ** 2 / 2, 0)
  return {
    within: moderate(squares, runs - sessions.length, priors.within),
    between: moderate(steps, Math.max(0, sessions.length - 1), priors.between),
  }
}

function moderate(squares: number, degrees: number, prior: Prior): Variance {
  const all = prior.degrees + degrees
  return { variance: (prior.degrees * prior.deviation ** 2 + squares) / all, degrees: all }
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/**
 * The level over sessions: each counts alike, however many runs it has. `share`: of one run's variance, what
 * is left in it.
 */
export function levelOverSessions(sessions: Sessions): { level: number; share: number } {
  const count = sessions.length
  return {
    level: meanOf(sessions.map(meanOf)),
    share: sessions.reduce((sum, values) => sum + 1 / values.length, 0) / count ** 2,
  }
}

/** A value and the number of the session that it was measured in. */
export interface SessionValue {
  value: number
  session: number
}

/** Values by session, in the order of sessions. */
export function groupBySession(values: readonly SessionValue[]): Map<number, number[]> {
  const sessions = new Map<number, number[]>()
  for (const { value, session } of values.toSorted((a, b) => a.session - b.session))
    sessions.set(session, [...(sessions.get(session) ?? []), value])
  return sessions
}

/**
 * How much `later` is over `earlier`, with the error that the spread of `all` runs gives it. A difference of
 * two means of random effects: Var = σ²_between Σ (wₗ − wₑ)² + σ²_within (Σ wₗ²/k + Σ wₑ²/k), w being the
 * weight of a session in its mean and k its runs. A session that both share cancels. Degrees of freedom by
 * Satterthwaite (1946, Biometrics Bulletin 2). Over 0 is worse.
 */
export function estimateDifference(
  earlier: readonly SessionValue[],
  later: readonly SessionValue[],
  all: readonly SessionValue[],
  { priors, sampling, worse }: Pick<Reading, 'priors' | 'sampling' | 'worse'>,
): Estimate {
  const [e, l] = [groupBySession(earlier), groupBySession(later)]
  const spread = estimateSpread([...groupBySession(all).values()], priors)
  const [before, after] = [levelOverSessions(toSessions(e)), levelOverSessions(toSessions(l))]
  const between =
    [...new Set([...e.keys(), ...l.keys()])].reduce(
      (sum, session) => sum + (sessionWeight(l, session) - sessionWeight(e, session)) ** 2,
      0,
    ) * spread.between.variance
  const within = (before.share + after.share) * Math.max(spread.within.variance, sampling ** 2)
  const variance = between + within
  const degrees =
    variance === 0
      ? spread.within.degrees
      : variance ** 2 / (between ** 2 / spread.between.degrees + within ** 2 / spread.within.degrees)
  return { value: worse * (after.level - before.level), standardError: Math.sqrt(variance), degrees }
}

function toSessions(sessions: ReadonlyMap<number, number[]>): Sessions {
  return [...sessions.values()]
}

function sessionWeight(sessions: ReadonlyMap<number, number[]>, session: number): number {
  return sessions.has(session) ? 1 / sessions.size : 0
}
