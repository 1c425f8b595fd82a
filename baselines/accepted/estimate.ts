import type { Estimate } from '../compare/trimmed.ts'
import { levelOverSessions, estimateSpread } from './sessions.ts'
import type { Sessions } from './sessions.ts'
import type { Reading } from './readings.ts'

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
 * How much `later` is over `earlier`, with the error that the spread of `all` runs gives it. A difference of two means of random effects:
 * Var = σ²_between Σ (wₗ − wₑ)² + σ²_within (Σ wₗ²/k + Σ wₑ²/k), w being the weight of a session in its mean and k its runs. A session
 * that both share cancels. Degrees of freedom by Satterthwaite (1946, Biometrics Bulletin 2). Over 0 is worse.
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
