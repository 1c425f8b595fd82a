import type { Estimate } from '../compare/trimmed.ts'
import { levelOf, spreadOf } from './sessions.ts'
import type { Sessions } from './sessions.ts'
import type { Reading } from './readings.ts'

/** A value and the number of the session that it was measured in. */
export interface Dated {
  value: number
  session: number
}

/** Values by session, in the order of sessions. */
export function bySession(values: readonly Dated[]): Map<number, number[]> {
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
export function differenceOf(
  earlier: readonly Dated[],
  later: readonly Dated[],
  all: readonly Dated[],
  { priors, sampling, worse }: Pick<Reading, 'priors' | 'sampling' | 'worse'>,
): Estimate {
  const [e, l] = [bySession(earlier), bySession(later)]
  const spread = spreadOf([...bySession(all).values()], priors)
  const [before, after] = [levelOf(valuesOf(e)), levelOf(valuesOf(l))]
  const between =
    [...new Set([...e.keys(), ...l.keys()])].reduce(
      (sum, session) => sum + (weightIn(l, session) - weightIn(e, session)) ** 2,
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

function valuesOf(sessions: ReadonlyMap<number, number[]>): Sessions {
  return [...sessions.values()]
}

function weightIn(sessions: ReadonlyMap<number, number[]>, session: number): number {
  return sessions.has(session) ? 1 / sessions.size : 0
}
