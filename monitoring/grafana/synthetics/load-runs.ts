import config from '../../../vigil.config.ts'
import journeys from '../../../journeys/todo/journeys.ts'
import { toStepKey } from '../../../journeys/index.ts'
import type { Row } from '../dashboard.ts'
import { line, stateNumber, stateTimeline, table, timeSeries } from '../panels/index.ts'
import type { PanelOptions, PanelSpec } from '../panels/index.ts'
import { runLabels, verdicts } from './probes.ts'

/** A step that load suites measure, and the endpoint of the API that serves it. */
export interface MeasuredStep {
  step: string
  method: string
  route: string
}

/** Values for the steps' requests. An identifier in a path is the parameter of the API's route. */
const context = { user: 1, iteration: 1, unique: 'unique', secrets: {}, accessToken: 'token', taskId: ':id' }

/**
 * Every step of the journeys in the config's load suites: the same names as in `vigil_run_…{step}`, the same
 * routes as in `http_…{route}`.
 */
export function measuredSteps(): MeasuredStep[] {
  const loaded = new Set(Object.values(config.suites).flatMap((suite) => Object.keys(suite.journeys ?? {})))
  return journeys
    .filter(({ name }) => loaded.has(name))
    .flatMap((journey) =>
      journey.steps.map((step) => {
        const { method, path } = step.request(context)
        return { step: toStepKey(journey.name, step.name), method, route: path.split('?', 1)[0] ?? path }
      }),
    )
}

/**
 * Production, the last load run, the budget and the baseline of each step: shows whether the load is still
 * realistic.
 */
export const overlay: Row = {
  title: 'p95 by step: production, last load run, budget, baseline',
  panels: [
    overlayPanel('overall', '', 'All endpoints together.'),
    ...measuredSteps().map(({ step, method, route }) =>
      overlayPanel(step, `, method="${method}", route="${route}"`, `In production ${method} ${route}.`, step),
    ),
  ],
}

/**
 * p95 of the newest runs of each suite: of all their places together where Prometheus has native histograms,
 * else of the slowest place.
 *
 * @param step empty: of the whole run
 */
export function runP95(selector: string, step: string): string {
  const steps = step === '' ? selector : `${selector}, step="${step}"`
  return (
    `histogram_quantile(0.95, sum by (suite) (vigil_run_step_latency_seconds{${steps}})) or ` +
    `max by (suite) (vigil_run_latency_seconds{${selector}, step="${step}", quantile="0.95"})`
  )
}

function overlayPanel(title: string, production: string, which: string, step = ''): PanelSpec {
  const run = `${runLabels}, step="${step}"`
  const ownBudget = `min by (suite) (vigil_run_budget_latency_p95_seconds{${run}})`
  const wholeBudget = `min by (suite) (vigil_run_budget_latency_p95_seconds{${runLabels}, step=""})`
  return timeSeries({
    title,
    description:
      `${which} Production above the load run: users send requests that the suite does ` +
      'not. The load run above its baseline: the release is slower. The axis is ' +
      'logarithmic.',
    queries: [
      {
        expr:
          'histogram_quantile(0.95, sum by (le) ' +
          `(rate(http_request_duration_seconds_bucket{job="todo-backend"${production}}[$__rate_interval])))`,
        legend: 'production',
        exemplars: true,
      },
      line('load run {{suite}}', runP95(runLabels, step)),
      line('baseline {{suite}}', `max by (suite) (vigil_run_baseline_latency_p95_seconds{${run}})`),
      line('budget', step === '' ? `min(${wholeBudget})` : `min(${ownBudget} or ${wholeBudget})`),
    ],
    unit: 'seconds',
    width: 6,
    height: 7,
    log: true,
    dashed: ['budget'],
  })
}

const judged: Row['panels'] = [
  stateTimeline({
    title: 'Verdicts',
    description:
      'The verdict of the newest run of each suite and environment over time: set the ' +
      'range to weeks. A change from pass to fail belongs to the revision of the marker.',
    queries: [
      line(
        '{{suite}} {{environment}}',
        stateNumber(verdicts, 'suite, environment', `vigil_run_verdict{${runLabels}, verdict="STATE"}`),
      ),
    ],
    unit: 'plain',
    width: 12,
    states: verdicts,
  }),
  table({
    title: 'Newest runs',
    description:
      'The newest run of each suite: its id (for vigil report), its revision, and its age. ' +
      '"dirty": the code had uncommitted changes.',
    queries: [
      {
        expr:
          `1000 * max by (suite, run, revision, dirty, engine) (vigil_run_info{${runLabels}} * ` +
          'on (suite, environment, place, engine) group_left () vigil_run_started_timestamp_seconds)',
      },
    ],
    unit: 'ago',
    width: 12,
    columns: { suite: 'Suite', run: 'Run', revision: 'Revision', dirty: 'Dirty', engine: 'Engine' },
    value: 'Started',
  }),
]

/** A value of the newest run of each suite, next to its budget. */
function withBudget(
  panel: Pick<PanelOptions, 'title' | 'description' | 'unit'>,
  value: string,
  budget: string,
): PanelSpec {
  const queries = [line('{{suite}}', `max by (suite) (${value})`), line('budget', budget)]
  return timeSeries({ ...panel, queries, width: 6, dashed: ['budget'] })
}

const figures: Row['panels'] = [
  withBudget(
    {
      title: 'Errors of load runs',
      description:
        'Share of failed requests of the newest run, and the budget. The panel of failures ' +
        'by class shows the causes.',
      unit: 'ratio',
    },
    `vigil_run_error_ratio{${runLabels}, step=""}`,
    `min(vigil_run_budget_error_ratio{${runLabels}, step=""})`,
  ),
  withBudget(
    {
      title: 'Throughput of load runs',
      description:
        'Answered requests per second of the newest run, and the budget. Suites with a fixed ' +
        'rate show that rate. Only suites with fixed connections show capacity.',
      unit: 'requestsPerSecond',
    },
    `vigil_run_requests_per_second{${runLabels}, step=""}`,
    `max(vigil_run_budget_requests_per_second{${runLabels}, step=""})`,
  ),
  withBudget(
    {
      title: 'Memory of the API in load runs',
      description:
        'Highest resident memory during the newest run, and the budget. Rising between ' +
        'releases with the same suite: a leak, or a larger cache.',
      unit: 'bytes',
    },
    `vigil_run_server_resident_memory_max_bytes{${runLabels}}`,
    `min(vigil_run_budget_resident_memory_bytes{${runLabels}})`,
  ),
  timeSeries({
    title: 'Failures by class',
    description:
      'Failed requests of the newest run by cause: a check, a status, a timeout, the ' +
      'connection. "none" is always 0: a run without another line had no failure.',
    queries: [
      line(
        '{{suite}}: {{class}}',
        `sum by (suite, class) (vigil_run_failures{${runLabels}}) or label_replace(0 * max ` +
          `by (suite) (vigil_run_requests{${runLabels}, step=""}), "class", "none", "", "")`,
      ),
    ],
    unit: 'count',
    width: 6,
    none: 'No request failed',
  }),
]

/** Load runs over weeks: their verdicts, and their values compared with the budgets. */
export const loadRuns: Row = { title: 'Load runs', panels: [...judged, ...figures] }
