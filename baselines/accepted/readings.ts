import { buildMeasures } from '../compare/measures.ts'
import { countOf } from '../../record/index.ts'
import type { ServerSide } from '../../record/index.ts'
import type { AcceptedRun } from './baseline.ts'
import type { Reading } from './reading.ts'
import { buildScriptReadings } from './script-readings.ts'

/**
 * Sampling error of the logarithm of a quantile is about this over the root of the requests
 * (docs/detection.md).
 */
const quantileSampling = { p50Ms: 1.2, p95Ms: 3, p99Ms: 6.5 } as const

/**
 * Runs of a machine, as assumed until they have shown it: 3 % from one to the next, 4 % from one session to
 * the next.
 */
const clock = { within: { deviation: 0.03, degrees: 4 }, between: { deviation: 0.04, degrees: 12 } }
/** Statements are counted, not timed: only the mix of requests moves them. */
const counts = { within: { deviation: 0.005, degrees: 4 }, between: { deviation: 0, degrees: 12 } }

const margin = 0.05
/** CPU time is only a part of what a user waits for. */
const cpuMargin = 0.1

/**
 * The metrics that can be compared with accepted runs: overall p50 and p95 at one mix of steps, and of each
 * step; throughput where the load is by connections (at a rate, the rate decides it); CPU time and SQL
 * statements for each request, where the service reports them.
 */
export function buildReadings(
  accepted: readonly AcceptedRun[],
  run: AcceptedRun,
  model: string | undefined,
): Reading[] {
  const measures = buildMeasures(accepted, [run], false).filter(
    ({ metric }) => metric !== 'p99Ms' && (metric !== 'throughputRps' || model === 'connections'),
  )
  const answered = Object.values(run.endpoints).reduce((sum, { histogram }) => sum + countOf(histogram), 0)
  const timed = measures.map(({ metric, step, worse, baseline, candidate }): Reading => {
    const samples = step === null ? answered : countOf(run.endpoints[step]?.histogram ?? [])
    const sampling =
      metric === 'throughputRps' ? 0 : quantileSampling[metric] / Math.sqrt(Math.max(1, samples))
    return {
      metric,
      step,
      worse,
      accepted: baseline,
      run: candidate[0] ?? Number.NaN,
      sampling,
      priors: clock,
      margin,
    }
  })
  return [
    ...timed,
    ...buildServerReading('cpuMsPerRequest', clock, cpuMargin, accepted, run),
    ...buildServerReading('statementsPerRequest', counts, margin, accepted, run),
    ...buildScriptReadings(accepted, run, { priors: clock, margin }),
  ]
}

function buildServerReading(
  metric: 'cpuMsPerRequest' | 'statementsPerRequest',
  priors: Reading['priors'],
  accepts: number,
  accepted: readonly AcceptedRun[],
  run: AcceptedRun,
): Reading[] {
  const read = (server: ServerSide | undefined): number => {
    const value = server?.[metric]
    return value !== undefined && value > 0 ? Math.log(value) : Number.NaN
  }
  const values = accepted.map(({ server }) => read(server))
  const own = read(run.server)
  // A service that reports nothing is no finding; one that stopped reporting shows in the record.
  return Number.isNaN(own) || values.every(Number.isNaN)
    ? []
    : [{ metric, step: null, worse: 1, accepted: values, run: own, sampling: 0, priors, margin: accepts }]
}
