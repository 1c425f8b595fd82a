import { compactTarget, findContradiction, mergeHistograms } from '../../record/index.ts'
import type {
  Bucket,
  Endpoint,
  Histogram,
  Run,
  ScriptMetric,
  ServerSide,
  Totals,
} from '../../record/index.ts'
import { incomparableRows } from '../compare/fitness.ts'
import { isMostlyFailed } from '../verdict.ts'
import type { Verdict } from '../verdict.ts'
import { byTime, minAccepted, recentRuns } from './baseline.ts'
import type { Baseline, AcceptedRun } from './baseline.ts'
import { isWaivable } from './waivers.ts'

/**
 * A run that is to become part of a baseline, and how it was judged; no verdict when there was none to read.
 */
export interface AcceptCandidate {
  run: Run
  verdict: Verdict | undefined
}

export type AcceptResult = { state: 'ok'; baseline: Baseline } | { state: 'invalid'; reasons: string[] }

/** Replaces the anchor with the runs accepted now. */
export interface NewAnchor {
  reason: string
}

/**
 * Adds runs of one suite and environment to its baseline, or begins it. All or none: refused with every
 * reason. The first runs, until they are enough, are the anchor; later ones only move what the next run is
 * compared with, and the anchor only with a reason.
 */
export function acceptRuns(
  existing: Baseline | undefined,
  offered: readonly AcceptCandidate[],
  newAnchor?: NewAnchor,
): AcceptResult {
  const [first] = offered
  if (!first) return { state: 'invalid', reasons: ['no run was given, expected at least one'] }
  const reasons = [
    ...offered.flatMap(({ run, verdict }) => findRefusalReasons(run, verdict)),
    ...findMismatches(
      existing,
      offered.map(({ run }) => run),
    ),
  ]
  if (reasons.length > 0) return { state: 'invalid', reasons }
  const runs = offered.map(({ run }) => run)
  const added = new Map([...(existing?.runs ?? []), ...runs.map(compactRun)].map((run) => [run.id, run]))
  const all = [...added.values()].toSorted(byTime)
  const anchor = chooseAnchor(
    existing,
    runs.map(({ id }) => id),
    newAnchor,
  )
  const recent = new Set(all.slice(-recentRuns).map(({ id }) => id))
  const kept = all.filter(({ id }) => recent.has(id) || anchor.runs.includes(id))
  const newest = runs.toSorted(byTime).at(-1) ?? first.run
  return {
    state: 'ok',
    baseline: {
      schema: 'vigil.baseline/1',
      suite: newest.suite,
      engine: newest.engine,
      environment: newest.environment,
      load: newest.load,
      anchor,
      runs: kept,
    },
  }
}

function chooseAnchor(
  existing: Baseline | undefined,
  ids: readonly string[],
  newAnchor: NewAnchor | undefined,
): Baseline['anchor'] {
  if (newAnchor) return { runs: [...new Set(ids)].toSorted(), reason: newAnchor.reason }
  const anchor = existing?.anchor ?? { runs: [] }
  return anchor.runs.length >= minAccepted
    ? anchor
    : { ...anchor, runs: [...new Set([...anchor.runs, ...ids])].toSorted() }
}

/** Why a run must not be part of a baseline. */
function findRefusalReasons(run: Run, verdict: Verdict | undefined): string[] {
  if (run.interrupted) return [`${run.id}: was interrupted: half a run is no measurement; measure again`]
  if (!run.validity.valid)
    return [`${run.id}: is invalid: ${run.validity.reasons[0] ?? 'it gives no reason'}; measure again`]
  if (run.totals.requests === 0) return [`${run.id}: made no request: nothing was measured`]
  if (isMostlyFailed(run.totals))
    return [
      `${run.id}: ${run.totals.errors} of ${run.totals.requests} requests failed: it is no level to ` +
        'compare with',
    ]
  if (run.engine === 'probe') return [`${run.id}: is a run of probes, expected a load run`]
  const contradiction = findContradiction(run)
  if (contradiction !== undefined)
    return [
      `${run.id}: contradicts itself: ${contradiction}: the record was changed or damaged; measure again`,
    ]
  if (!verdict)
    return [
      `${run.id}: has no verdict that can be read: it is not known whether it kept its budgets; ` +
        `judge it with 'vigil report ${run.id}'`,
    ]
  if (verdict.run !== undefined && verdict.run !== run.id)
    return [
      `${run.id}: its verdict is of another run (${verdict.run}); judge it with 'vigil report ${run.id}'`,
    ]
  if (verdict.verdict === 'pass') return []
  const reasons = verdict.rows.filter((row) => row.status === verdict.verdict)
  const why = reasons[0]?.message
  const next =
    verdict.verdict !== 'fail'
      ? 'only a run that passed does; measure longer'
      : reasons.every(isWaivable)
        ? 'a failed run never becomes a baseline; fix what is slower, or accept the loss with vigil ' +
          'baseline waive'
        : 'a failed run never becomes a baseline; fix what failed: no waiver covers it'
  return [`${run.id}: is ${verdict.verdict}${why === undefined ? '' : ` (${why})`}: ${next}`]
}

/** Runs of one baseline agree on suite, engine, environment and load. */
function findMismatches(existing: Baseline | undefined, runs: readonly Run[]): string[] {
  const before = (existing?.runs ?? []).map((run) => ({
    ...run,
    suite: existing?.suite ?? '',
    engine: existing?.engine ?? '',
    ...(existing && { environment: existing.environment, load: existing.load }),
  }))
  const reference = before.length > 0 ? before : runs.slice(0, 1)
  return incomparableRows(reference, runs)
    .filter((row) => ['suite', 'engine', 'environment', 'load'].includes(row.metric))
    .map((row) =>
      row.metric === 'load' && before.length > 0
        ? `${row.message}; the suite's load was changed: remove the old baseline file, then accept ` +
          'runs at the new load'
        : row.message,
    )
}

/**
 * Buckets this wide are narrow compared with the difference between runs, and a step has a few dozen of them.
 */
const width = Math.log(1.03)

/**
 * A histogram in buckets 3 % wide, whose bounds are the same for every run and have four digits: a file that
 * is committed and reviewed stays small. What is compared with it is made as compact, so that neither side is
 * rounded more than the other.
 */
export function compactHistogram(histogram: Histogram): Histogram {
  return mergeHistograms([
    histogram.flatMap(([upperMs, count]): Bucket[] => (count > 0 ? [[roundUpToBound(upperMs), count]] : [])),
  ])
}

function roundUpToBound(ms: number): number {
  if (ms <= 0) return 0
  // A bound that was rounded to its digits stays in its own bucket.
  const bucket = Math.ceil(Math.log(ms) / width - 0.02)
  return Number(Math.exp(bucket * width).toPrecision(4))
}

/**
 * A run as a baseline keeps it: the figures of the record as they were, its histograms compact (so a
 * percentile of those is up to 3 % higher).
 */
export function compactRun(run: Run): AcceptedRun {
  const { server } = run
  return {
    schema: 'vigil.run/1',
    id: run.id,
    startedAt: run.startedAt,
    durationMs: run.durationMs,
    target: compactTarget(run.target),
    ...(run.target.revision !== undefined && { revision: run.target.revision }),
    totals: roundTotals(run.totals),
    endpoints: Object.fromEntries(
      Object.entries(run.endpoints).map(([step, endpoint]): [string, Endpoint] => [
        step,
        { ...roundTotals(endpoint), histogram: compactHistogram(endpoint.histogram) },
      ]),
    ),
    ...(server && { server: roundServer(server) }),
    ...(run.scriptMetrics && { scriptMetrics: compactMetrics(run.scriptMetrics) }),
    ...(run.checks && { checks: run.checks }),
  }
}

/** Without their histograms: their quantiles are compared. */
function compactMetrics(metrics: Readonly<Record<string, ScriptMetric>>): Record<string, ScriptMetric> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, { histogram: _histogram, ...metric }]) => [name, metric]),
  )
}

function roundTotals({ requests, errors, errorRate, throughputRps, latency }: Totals): Totals {
  const { meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = latency
  return {
    requests,
    errors,
    errorRate,
    throughputRps: roundDigits(throughputRps),
    latency: { meanMs: roundDigits(meanMs), p50Ms, p90Ms, p95Ms, p99Ms, maxMs },
  }
}

/** The figures that are compared; the others of a server are for the day they were measured. */
function roundServer({ cpuMsPerRequest, statementsPerRequest }: ServerSide): ServerSide {
  return {
    ...(cpuMsPerRequest !== undefined && { cpuMsPerRequest: roundDigits(cpuMsPerRequest) }),
    ...(statementsPerRequest !== undefined && { statementsPerRequest: roundDigits(statementsPerRequest) }),
  }
}

function roundDigits(value: number): number {
  return Number(value.toPrecision(6))
}
