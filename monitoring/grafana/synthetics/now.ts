import type { Row } from '../dashboard.ts'
import { above, aboveZero, alertedBy, below, line, stat, stateMapping, stateNumber } from '../panels/index.ts'
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

const states: Row['panels'] = [
  stat({
    title: 'Probes down',
    description:
      'Probes whose latest run failed. Above 0: users have the same problem. The timeline ' +
      'below shows which and since when.',
    queries: [
      line(
        'down',
        `count(vigil_probe_outcome{${probeLabels}, outcome="down"} == 1) or 0 * ` +
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
