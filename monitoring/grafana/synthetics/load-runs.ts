import type { Row } from '../dashboard.ts'
import { stateNumber, stateTimeline, table, timeSeries } from '../panels/index.ts'
import { ofRun, verdicts } from './selectors.ts'

const judged: Row['panels'] = [
  stateTimeline({
    title: 'Verdicts',
    description:
      'The verdict of the newest run of each suite and environment over time: set the range to weeks. A change from pass to fail belongs to the revision marked there.',
    queries: [
      {
        expr: stateNumber(verdicts, 'suite, environment', `vigil_run_verdict{${ofRun}, verdict="STATE"}`),
        legend: '{{suite}} {{environment}}',
      },
    ],
    unit: 'plain',
    width: 12,
    states: verdicts,
  }),
  table({
    title: 'Newest runs',
    description:
      'The newest run of each suite: its record (vigil report with this id, or the folder of that name), revision, and how long ago it began. "dirty": the code was not what the revision says.',
    queries: [
      {
        expr: `1000 * max by (suite, run, revision, dirty, engine) (vigil_run_info{${ofRun}} * on (suite, environment, engine) group_left () vigil_run_started_timestamp_seconds)`,
      },
    ],
    unit: 'ago',
    width: 12,
    columns: { suite: 'Suite', run: 'Run', revision: 'Revision', dirty: 'Dirty', engine: 'Engine' },
    value: 'Began',
  }),
]

const figures: Row['panels'] = [
  timeSeries({
    title: 'Errors of load runs',
    description:
      'Share of requests of the newest run that failed, and the budget. What failed and why: the failures by class.',
    queries: [
      { expr: `max by (suite) (vigil_run_error_ratio{${ofRun}, step=""})`, legend: '{{suite}}' },
      { expr: `min(vigil_run_budget_error_ratio{${ofRun}, step=""})`, legend: 'budget' },
    ],
    unit: 'ratio',
    width: 6,
    dashed: ['budget'],
  }),
  timeSeries({
    title: 'Throughput of load runs',
    description:
      'Answered requests per second of the newest run, and the least that is promised. Suites with a given rate show that rate; only the closed ones show capacity.',
    queries: [
      { expr: `max by (suite) (vigil_run_requests_per_second{${ofRun}, step=""})`, legend: '{{suite}}' },
      { expr: `max(vigil_run_budget_requests_per_second{${ofRun}, step=""})`, legend: 'budget' },
    ],
    unit: 'requestsPerSecond',
    width: 6,
    dashed: ['budget'],
  }),
  timeSeries({
    title: 'Memory of the API in load runs',
    description:
      'Most resident memory during the newest run, and the budget. Rising from release to release with the same suite: a leak, or a cache that grew.',
    queries: [
      { expr: `max by (suite) (vigil_run_server_resident_memory_max_bytes{${ofRun}})`, legend: '{{suite}}' },
      { expr: `min(vigil_run_budget_resident_memory_bytes{${ofRun}})`, legend: 'budget' },
    ],
    unit: 'bytes',
    width: 6,
    dashed: ['budget'],
  }),
  timeSeries({
    title: 'Failures by class',
    description:
      'Failed requests of the newest run by what failed: a check, a status, a time limit, the connection. "none" is always 0: a run without another line had no failure.',
    queries: [
      {
        expr: `sum by (suite, class) (vigil_run_failures{${ofRun}}) or label_replace(0 * max by (suite) (vigil_run_requests{${ofRun}, step=""}), "class", "none", "", "")`,
        legend: '{{suite}}: {{class}}',
      },
    ],
    unit: 'count',
    width: 6,
    none: 'No request failed',
  }),
]

/** Load runs over weeks: their verdicts and figures against budgets. */
export const loadRuns: Row = { title: 'Load runs', panels: [...judged, ...figures] }
