import type { Row } from '../dashboard.ts'
import { line, stateNumber, stateTimeline, steps, timeSeries } from '../panels/index.ts'
import { probeLabels, outcomes } from './now.ts'

const found: Row['panels'] = [
  stateTimeline({
    title: 'State of the probes',
    description:
      'Each probe over time. All fail together: the service or the network. One fails: its ' +
      'feature. Yellow: a correct response that took too long.',
    queries: [
      line(
        '{{probe}}',
        stateNumber(outcomes, 'probe', `vigil_probe_outcome{${probeLabels}, outcome="STATE"}`),
      ),
    ],
    unit: 'plain',
    width: 12,
    height: 10,
    states: outcomes,
  }),
  timeSeries({
    title: 'Latency by step (latest run)',
    description:
      "Duration of each step of the latest run. A step became slower and the API's own " +
      'percentiles did not: the network or a proxy.',
    queries: [
      line(
        '{{probe}}: {{step}}',
        `max by (probe, step) (vigil_probe_step_last_duration_seconds{${probeLabels}})`,
      ),
    ],
    unit: 'seconds',
    width: 12,
    height: 10,
  }),
  timeSeries({
    title: 'Success ratio (1 h)',
    description:
      'Share of the runs of the last hour that found the target working, by probe. Below 1 ' +
      'without an outage: it fails intermittently, and users notice that first.',
    queries: [
      line(
        '{{probe}}',
        `sum by (probe) (increase(vigil_probe_runs_total{${probeLabels}, ` +
          'outcome=~"up|degraded"}[1h])) / (sum by (probe) ' +
          `(increase(vigil_probe_runs_total{${probeLabels}, outcome!="unknown"}[1h])) > 0)`,
      ),
    ],
    unit: 'ratio',
    width: 8,
    upTo: 1,
  }),
  timeSeries({
    title: 'p95 by step (1 h)',
    description:
      'p95 of the answered steps of the last hour, by probe and step: the trend without ' +
      'the noise of single runs.',
    queries: [
      line(
        '{{probe}}: {{step}}',
        'histogram_quantile(0.95, sum by (le, probe, step) ' +
          `(rate(vigil_probe_step_duration_seconds_bucket{${probeLabels}}[1h])))`,
      ),
    ],
    unit: 'seconds',
    width: 8,
  }),
  timeSeries({
    title: 'Failed steps',
    description:
      'Failed steps of the latest run, as lines at 1. The steps after a failed one did not ' +
      'run. No line is good.',
    queries: [
      line('{{probe}}: {{step}}', `1 - min by (probe, step) (vigil_probe_step_success{${probeLabels}})`),
    ],
    unit: 'plain',
    width: 8,
    limits: steps('green', [1, 'red']),
  }),
]

const schedule: Row['panels'] = [
  timeSeries({
    title: 'Schedule: lateness',
    description:
      "How long after their due time runs started. Seconds: the scheduler's machine is " +
      'overloaded, and the probes measure that machine.',
    queries: [0.5, 0.95].map((quantile) =>
      line(
        `p${quantile * 100}`,
        `histogram_quantile(${quantile}, sum by (le) ` +
          '(rate(vigil_probe_schedule_lateness_seconds_bucket[1h])))',
      ),
    ),
    unit: 'seconds',
    width: 12,
    limits: steps('green', [1, 'yellow'], [30, 'orange']),
  }),
  timeSeries({
    title: 'Schedule: lost runs',
    description:
      'Runs of the last hour that were skipped because the previous one was still running, ' +
      'missed because the scheduler was suspended, or that hung. Should be 0. Otherwise ' +
      'the states above have gaps.',
    queries: [
      line('skipped', `sum(increase(vigil_probe_skipped_runs_total{${probeLabels}}[1h]))`),
      line('missed', `sum(increase(vigil_probe_missed_runs_total{${probeLabels}}[1h]))`),
      line('hung', `sum(increase(vigil_probe_hung_runs_total{${probeLabels}}[1h]))`),
    ],
    unit: 'count',
    width: 12,
  }),
]

/** The probes of production. */
export const probes: Row = { title: 'Probes', panels: [...found, ...schedule] }
