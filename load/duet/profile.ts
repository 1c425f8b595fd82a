import { compareProfiles } from '../../baselines/profiles/index.ts'
import type { ProfileComparison } from '../../baselines/profiles/index.ts'
import type { Verdict } from '../../baselines/index.ts'
import type { CaptureResult } from '../../runtime/profiler/index.ts'
import type { Side } from '../engines/k6/k6-runtime/wire.ts'
import type { RunningPair } from './processes/pair.ts'

/** What a duet knows about the functions of both sides. */
export type PairProfile =
  | { state: 'ok'; comparison: Omit<ProfileComparison, 'schema' | 'run' | 'suite'> }
  | { state: 'unavailable'; reason: string }

/**
 * With five samples a millisecond, a function that takes 1 % of the CPU time of a busy service has 150. A
 * longer profile would let people wait for little.
 */
const captureMs = 3000
/** Beyond the capture, for connecting and for an answer of megabytes. */
const limitMs = captureMs + 10_000

/** How much longer the load of a pair lasts when it is profiled. */
export const profileAllowanceMs = limitMs

const profiledMetrics = new Set(['cpuMsPerRequest', 'p50Ms', 'statements'])

/** Whether something failed that the functions of both sides can explain. */
export function canExplain({ verdict, rows }: Verdict): boolean {
  return verdict === 'fail' && rows.some((row) => row.status === 'fail' && profiledMetrics.has(row.metric))
}

/** Profiles both sides at the same time, under the load that runs. Never throws: a profile is no evidence. */
export async function profilePair(
  pair: Pick<RunningPair, 'sides'>,
  source: ProfileComparison['source'],
  countRequests: () => Record<Side, number>,
  signal: AbortSignal,
): Promise<PairProfile> {
  try {
    return await compareSides(pair, source, countRequests, signal)
  } catch (error) {
    return { state: 'unavailable', reason: error instanceof Error ? error.message : String(error) }
  }
}

async function compareSides(
  { sides: running }: Pick<RunningPair, 'sides'>,
  source: ProfileComparison['source'],
  countRequests: () => Record<Side, number>,
  signal: AbortSignal,
): Promise<PairProfile> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
  const capture = async (side: Side): Promise<CaptureResult> =>
    running[side].captureProfile({
      durationMs: captureMs,
      countRequests: () => countRequests()[side],
      signal: limited,
    })
  const [baseline, candidate] = await Promise.all([capture('baseline'), capture('candidate')])
  if (baseline.state === 'failed') return toUnavailable('baseline', baseline.reason)
  if (candidate.state === 'failed') return toUnavailable('candidate', candidate.reason)
  if (baseline.profile.requests < 1 || candidate.profile.requests < 1)
    return { state: 'unavailable', reason: 'no request was answered while both sides were profiled' }
  const compared = compareProfiles(baseline.profile, candidate.profile)
  return { state: 'ok', comparison: { source, seconds: captureMs / 1000, ...compared } }
}

function toUnavailable(side: Side, reason: string): PairProfile {
  return { state: 'unavailable', reason: `the ${side} was not profiled: ${reason}` }
}
