/**
 * Every metric of probes, with its help. One table, because Pushgateway refuses all pushes of a metric whose type or help
 * differs between two groups.
 */
export const gauges = {
  vigil_probe_success:
    'Whether the latest run found the target working (up or degraded): 1 or 0. Gone while that is unknown.',
  vigil_probe_outcome:
    '1 for the outcome of the latest run, 0 for the others; unknown once the next run is overdue.',
  vigil_probe_duration_seconds: 'How long the steps of the latest run took together.',
  vigil_probe_step_success: 'Whether a step of the latest run was as expected: 1 or 0.',
  vigil_probe_step_last_duration_seconds: 'How long a step of the latest run took.',
  vigil_probe_attempts: 'How many attempts the latest run took.',
  vigil_probe_last_run_timestamp_seconds: 'When the latest run began, in seconds since 1970.',
  vigil_probe_certificate_expiry_timestamp_seconds:
    'When the certificate of the target expires, in seconds since 1970, where it is known.',
  vigil_probe_build_info: 'The vigil that probes, as labels; always 1.',
} as const

export const counters = {
  vigil_probe_runs_total: 'Runs since the scheduler started, by outcome.',
  vigil_probe_skipped_runs_total: 'Runs that were due while the one before still ran.',
  vigil_probe_missed_runs_total:
    'Runs whose time passed while the scheduler slept, stood still, or its clock was set forward.',
  vigil_probe_hung_runs_total: 'Runs that did not come to an end although they were told to.',
} as const

export const histograms = {
  vigil_probe_step_duration_seconds: 'How long answered steps took.',
  vigil_probe_schedule_lateness_seconds: 'How long after their due time runs began.',
} as const

export const ofScheduler = {
  vigil_probe_heartbeat_timestamp_seconds:
    'When the scheduler last looked at its clock, in seconds since 1970.',
  vigil_probe_history_waiting_results: 'Results that history did not take yet (a full disk).',
} as const

/** From a local answer to what a browser flow takes. */
export const stepBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
export const latenessBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60]
