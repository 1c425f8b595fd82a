import type { Run } from '../../record/index.ts'
import { incomparableRows } from '../compare/fitness.ts'
import type { VerdictRow } from '../verdict.ts'
import { minAccepted, recentRuns } from './baseline.ts'
import type { AcceptedRun, Baseline } from './baseline.ts'
import { compactRun } from './compact.ts'
import { buildRows } from './held-rows.ts'
import { testAgainstBaseline } from './held-tests.ts'

/**
 * Holds a run against what was accepted of its suite in its environment, as rows for its verdict. Nothing cancels between a run and
 * runs of another hour, so a red must lie beyond all that accepted runs differ by among themselves, and beyond the margin; what cannot be
 * told is `skipped`, with the change that would have gone unseen, and makes no verdict inconclusive (docs/adr/0009).
 */
export function compareWithBaseline(baseline: Baseline, run: Run): VerdictRow[] {
  const rows =
    run.validity.valid && !run.interrupted && run.totals.requests > 0 ? comparisonRows(baseline, run) : []
  return rows.map((row) => ({ ...row, suite: run.suite }))
}

function comparisonRows(baseline: Baseline, run: Run): VerdictRow[] {
  const candidate: AcceptedRun = compactRun(run)
  const { suite, engine, environment, load } = baseline
  const unfit = incomparableRows(
    baseline.runs.map((accepted) => ({ ...accepted, suite, engine, environment, load })),
    [{ ...candidate, suite: run.suite, engine: run.engine, environment: run.environment, load: run.load }],
  )
  const whole = unfit.filter((row) => row.step === null)
  if (whole.length > 0)
    return whole.map((row) =>
      skipped(row.metric, `${row.message}; accept runs of this kind with vigil baseline accept`),
    )
  if (baseline.runs.length < minAccepted)
    return [
      skipped(
        'runs',
        `not compared: ${baseline.runs.length} accepted ${baseline.runs.length === 1 ? 'run' : 'runs'}, ${minAccepted} are needed to know how much runs differ here: vigil baseline accept ${run.id}`,
      ),
    ]
  const alone = new Set(unfit.flatMap((row) => row.step ?? []))
  const sides = {
    baseline: { ...baseline, runs: baseline.runs.map((accepted) => withoutSteps(accepted, alone)) },
    run: withoutSteps(candidate, alone),
  }
  return [
    ...buildRows(testAgainstBaseline(sides), Math.min(baseline.runs.length, recentRuns)),
    ...[...alone]
      .toSorted()
      .map((step) =>
        skipped(
          'requests',
          `${step} is not in both this run and the accepted ones: it was not compared`,
          step,
        ),
      ),
  ]
}

function skipped(metric: string, message: string, step: string | null = null): VerdictRow {
  return { rule: 'baseline', step, metric, status: 'skipped', message }
}

function withoutSteps(run: AcceptedRun, steps: ReadonlySet<string>): AcceptedRun {
  return steps.size === 0
    ? run
    : {
        ...run,
        endpoints: Object.fromEntries(Object.entries(run.endpoints).filter(([step]) => !steps.has(step))),
      }
}
