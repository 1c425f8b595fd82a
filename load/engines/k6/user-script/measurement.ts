import { mergeHistograms } from '../../../../record/index.ts'
import type { Measurement } from '../../../engine.ts'
import type { CpuWork } from '../cpu.ts'
import { saturationOf } from '../saturation.ts'
import type { Counted } from './tally.ts'
import { slowAnswerMs } from '../sizing.ts'

/** What was seen of a script's run from outside of k6. */
export interface ScriptSeen {
  interrupted: boolean
  /** Wall time to fall back on where the script made no sample. */
  startedAt: string
  cpu: CpuWork | undefined
  /** From the first sample to the last, as they came here. */
  measuredMs: number
}

/** Samples come a flush late, at most; more than this apart, the wall clock was set. */
const clockTrustMs = 2000

/**
 * What a user's script did, as a measurement.
 *
 * @param crossed k6's words when thresholds of the script were crossed
 */
export function measurementOf(counted: Counted, seen: ScriptSeen, crossed: string | undefined): Measurement {
  // k6 stamps its samples with the wall clock: more exact than when they came here, unless somebody set it.
  const durationMs =
    Math.abs(counted.lastsMs - seen.measuredMs) > clockTrustMs ? seen.measuredMs : counted.lastsMs
  const arrivals = counted.arrivals
  return {
    startedAt: counted.firstAtMs === undefined ? seen.startedAt : new Date(counted.firstAtMs).toISOString(),
    durationMs,
    endpoints: counted.endpoints,
    droppedArrivals: counted.dropped,
    failures: counted.failures,
    timeline: counted.timeline,
    generator: {
      ...seen.cpu,
      ...(durationMs > 0 && { offeredRps: arrivals / (durationMs / 1000) }),
      virtualUsersMax: counted.users,
    },
    saturation: seen.interrupted ? [] : saturation(counted, seen, durationMs),
    interrupted: seen.interrupted,
    ...(crossed !== undefined && { crossedThresholds: [crossedWords(crossed)] }),
  }
}

// Among other last words of k6 are its warnings of failed requests.
function crossedWords(words: string): string {
  return (/thresholds? on .*crossed/.exec(words)?.[0] ?? 'thresholds were crossed').slice(0, 200)
}

/** Nobody but the script knows how many arrivals it should make; the rest is judged as it is for journeys. */
function saturation(counted: Counted, { cpu }: ScriptSeen, durationMs: number): string[] {
  const { arrivals } = counted
  const requestsEach = arrivals === counted.dropped ? 1 : counted.requests / (arrivals - counted.dropped)
  return saturationOf({
    cpu,
    lateness: [],
    refusedShare: 0,
    waits: mergeHistograms(Object.values(counted.endpoints).map(({ histogram }) => histogram)),
    iterations: counted.iterations,
    slowIterationMs: Math.max(1, requestsEach) * slowAnswerMs,
    expectedArrivals: undefined,
    arrivals,
    dropped: counted.dropped,
    users: counted.users,
    durationMs,
    limits: counted.limits,
  })
}
