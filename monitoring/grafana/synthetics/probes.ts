import type { Row } from '../dashboard.ts'
import {
  line,
  mergedQuantile,
  quantileLines,
  stateNumber,
  stateTimeline,
  steps,
  timeSeries,
  above,
  aboveZero,
  alertedBy,
  below,
  stat,
  stateMapping,
} from '../panels/index.ts'
import type { States } from '../panels/index.ts'

export const probeLabels = 'probe=~"$probe"'
/** Labels of the load runs that the reader chose. A Pushgateway only keeps the newest of each. */
export const runLabels = 'suite=~"$suite", environment=~"$environment"'

export const outcomes: States = {
  1: { name: 'up', colour: 'green' },
  2: { name: 'degraded', colour: 'yellow' },
  3: { name: 'unknown', colour: 'purple' },
  4: { name: 'down', colour: 'red' },
}

export const verdicts: States = {
  1: { name: 'pass', colour: 'green' },
  2: { name: 'inconclusive', colour: 'yellow' },
  3: { name: 'invalid', colour: 'purple' },
  4: { name: 'fail', colour: 'red' },
}

/**
 * The outcome of probes. A Pushgateway keeps the last one of a probe that no longer runs: it is left out once
 * it is not valid any more. A scheduler sets its own to unknown.
 */
function outcomeSeries(outcome: string): string {
  return (
    `(vigil_probe_outcome{${probeLabels}, outcome="${outcome}"} unless on (probe, environment, place) ` +
    '(vigil_probe_valid_until_timestamp_seconds{place!=""} < time()))'
  )
}

const states: Row['panels'] = [
  stat({
    title: 'Probes down',
    description:
      'Probes whose latest run failed. Above 0: users have the same problem. The timeline ' +
      'below shows which and since when.',
    queries: [
      line(
        'down',
        `count(${outcomeSeries('down')} == 1) or 0 * ` +
          `count(vigil_probe_outcome{${probeLabels}, outcome="down"})`,
      ),
    ],
    unit: 'plain',
    width: 3,
    limits: aboveZero('critical'),
    alerts: ['ProbeDown', 'APIUnreachable'],
  }),
  stat({
    title: 'Probes overdue',
    description:
      'Probes whose next result is overdue: their runs are missing, or found nothing out. ' +
      'Their state is unknown: look at the scheduler.',
    queries: [
      line(
        'overdue',
        `count(time() - vigil_probe_next_due_timestamp_seconds{${probeLabels}} > 0) or 0 * ` +
          `count(vigil_probe_next_due_timestamp_seconds{${probeLabels}})`,
      ),
    ],
    unit: 'plain',
    width: 3,
    limits: aboveZero('medium'),
    alerts: ['ProbeOverdue'],
  }),
  stat({
    title: 'Verdict of the last load run',
    description:
      'By suite. "fail": a budget was exceeded, or the run is worse than the baseline; the ' +
      'record says which. "invalid": the measurement failed and says nothing about the API.',
    queries: [
      line('{{suite}}', stateNumber(verdicts, 'suite', `vigil_run_verdict{${runLabels}, verdict="STATE"}`)),
    ],
    unit: 'plain',
    width: 6,
    mappings: [stateMapping(verdicts)],
  }),
]

const ages: Row['panels'] = [
  stat({
    title: 'Last push',
    description:
      'How long ago the newest load run was pushed, by suite. The load runs start every ' +
      'night. Older than 26 hours: the last one did not start or could not push, and the ' +
      'green panels next to it show old data.',
    queries: [
      line(
        '{{suite}}',
        `time() - max by (suite) (push_time_seconds{${runLabels}, suite=~".+", suite!="drill"})`,
      ),
    ],
    unit: 'seconds',
    width: 6,
    limits: above(['PushStale']),
    alerts: ['PushStale', 'PushFailed'],
  }),
  stat({
    title: 'Scheduler last seen',
    description:
      'Age of the heartbeat of the probe scheduler. Above two minutes it has stopped, and ' +
      'no probe runs: green panels elsewhere show old data.',
    queries: [line('heartbeat', 'time() - max(vigil_probe_heartbeat_timestamp_seconds)')],
    unit: 'seconds',
    width: 3,
    ...alertedBy(['ProbesSilent']),
  }),
  stat({
    title: 'Certificate expires in',
    description:
      'Time until the first certificate of the API expires. Below 14 days: the renewal ' +
      'does not work, fix it now. Empty where the target does not use https.',
    queries: [line('left', `min(vigil_probe_certificate_expiry_timestamp_seconds{${probeLabels}}) - time()`)],
    unit: 'seconds',
    width: 3,
    limits: below('CertificateExpiring'),
    alerts: ['CertificateExpiring'],
    none: 'not https',
  }),
]

/** The probes, the last load run, and whether both still run. */
export const now: Row = { title: 'Right now', panels: [...states, ...ages] }

/** p95 of each probe's steps, of all places together. */
export function stepP95(selector: string, range: string): string {
  const name = 'vigil_probe_step_duration_seconds'
  return mergedQuantile(0.95, { name, selector, range, by: ['probe', 'step'] })
}

const found: Row['panels'] = [
  stateTimeline({
    title: 'State of the probes',
    description:
      'Each probe over time. All fail together: the service or the network. One fails: its ' +
      'feature. Yellow: a correct response that took too long.',
    queries: [line('{{probe}}', stateNumber(outcomes, 'probe', outcomeSeries('STATE')))],
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
      'p95 of the answered steps of the last hour, by probe and step, of all places ' +
      'together: the trend without the noise of single runs.',
    queries: [line('{{probe}}: {{step}}', stepP95(probeLabels, '1h'))],
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
    queries: quantileLines([0.5, 0.95], 'rate(vigil_probe_schedule_lateness_seconds_bucket[1h])'),
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
