import type { Row } from '../dashboard.ts'
import { timeSeries } from '../panels/index.ts'
import type { PanelSpec } from '../panels/index.ts'
import { ofRun } from './selectors.ts'
import { measuredSteps } from './steps.ts'

/** Production beside the last load run, the budget and the baseline, step by step: one picture says whether the test is still like life. */
export const overlay: Row = {
  title: 'p95 by step: production, last load run, budget, baseline',
  panels: [
    overlayOf('whole run', '', 'All endpoints together.'),
    ...measuredSteps().map(({ step, method, route }) =>
      overlayOf(step, `, method="${method}", route="${route}"`, `In production ${method} ${route}.`, step),
    ),
  ],
}

function overlayOf(title: string, production: string, which: string, step = ''): PanelSpec {
  const run = `${ofRun}, step="${step}"`
  const ownBudget = `min by (suite) (vigil_run_budget_latency_p95_seconds{${run}})`
  const wholeBudget = `min by (suite) (vigil_run_budget_latency_p95_seconds{${ofRun}, step=""})`
  return timeSeries({
    title,
    description: `${which} Production above the load run: users do what the suite does not. The load run above its baseline: the release made it slower. Anything above the budget breaks a promise. The axis is logarithmic.`,
    queries: [
      {
        expr: `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job="todo-backend"${production}}[$interval])))`,
        legend: 'production',
        exemplars: true,
      },
      {
        expr: `max by (suite) (vigil_run_latency_seconds{${run}, quantile="0.95"})`,
        legend: 'load run {{suite}}',
      },
      {
        expr: `max by (suite) (vigil_run_baseline_latency_p95_seconds{${run}})`,
        legend: 'baseline {{suite}}',
      },
      { expr: step === '' ? `min(${wholeBudget})` : `min(${ownBudget} or ${wholeBudget})`, legend: 'budget' },
    ],
    unit: 'seconds',
    width: 6,
    height: 7,
    log: true,
    dashed: ['budget'],
  })
}
