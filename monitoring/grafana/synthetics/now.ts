import type { Row } from '../dashboard.ts'
import { above, aboveZero, below, stat, stateMapping, stateNumber } from '../panels/index.ts'
import type { States } from '../panels/index.ts'

export const probeLabels = 'probe=~"$probe"'
/** The load runs that the reader chose; their newest, since a Pushgateway keeps no other. */
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
      'Probes whose latest run failed. Anything but 0: users fail at the same thing; the timeline below says which and since when.',
    queries: [
      {
        expr: `count(vigil_probe_outcome{${probeLabels}, outcome="down"} == 1) or 0 * count(vigil_probe_outcome{${probeLabels}, outcome="down"})`,
        legend: 'down',
      },
    ],
    unit: 'plain',
    width: 3,
    limits: aboveZero('critical'),
    alerts: ['ProbeDown', 'APIUnreachable'],
  }),
  stat({
    title: 'Probes unknown',
    description:
      'Probes whose next run is overdue, or that could not be carried out. Nobody knows whether they would pass: look at the scheduler.',
    queries: [
      {
        expr: `count(vigil_probe_outcome{${probeLabels}, outcome="unknown"} == 1) or 0 * count(vigil_probe_outcome{${probeLabels}, outcome="unknown"})`,
        legend: 'unknown',
      },
    ],
    unit: 'plain',
    width: 3,
    limits: aboveZero('medium'),
    alerts: ['ProbeOverdue'],
  }),
  stat({
    title: 'Verdict of the last load run',
    description:
      'By suite. "fail": a budget or the baseline was broken, the record says which and the revision who. "invalid": the measurement itself failed and says nothing of the API.',
    queries: [
      {
        expr: stateNumber(verdicts, 'suite', `vigil_run_verdict{${runLabels}, verdict="STATE"}`),
        legend: '{{suite}}',
      },
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
      'How long ago the newest load run was pushed, by suite. The load runs come every night: older than 26 hours, the last one did not take place or could not push, and what is green beside it is old news.',
    queries: [
      { expr: `time() - max by (suite) (push_time_seconds{${runLabels}, suite!=""})`, legend: '{{suite}}' },
    ],
    unit: 'seconds',
    width: 6,
    limits: above(['PushStale']),
    alerts: ['PushStale', 'PushFailed'],
  }),
  stat({
    title: 'Scheduler last seen',
    description:
      'Age of the heartbeat of the probe scheduler. Above two minutes it stands still, and no probe runs: green elsewhere is old news.',
    queries: [{ expr: 'time() - max(vigil_probe_heartbeat_timestamp_seconds)', legend: 'heartbeat' }],
    unit: 'seconds',
    width: 3,
    limits: above(['ProbesSilent']),
    alerts: ['ProbesSilent'],
  }),
  stat({
    title: 'Certificate expires in',
    description:
      'Until the first certificate of the API expires. Below 14 days: renewal does not work, mend it now. Empty where the target is not https.',
    queries: [
      {
        expr: `min(vigil_probe_certificate_expiry_timestamp_seconds{${probeLabels}}) - time()`,
        legend: 'left',
      },
    ],
    unit: 'seconds',
    width: 3,
    limits: below('CertificateExpiring'),
    alerts: ['CertificateExpiring'],
    none: 'not https',
  }),
]

/** Is it up as seen from outside, did the last run pass, and is anybody still looking. */
export const now: Row = { title: 'Right now', panels: [...states, ...ages] }
