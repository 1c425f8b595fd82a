/**
 * Queries that may have no result in the live test, with the reason: by dashboard, panel and letter of the
 * query.
 */
export const mayBeEmpty: Readonly<Record<string, string>> = {
  'todo-api-performance: Alerts firing, and since when A': 'the test loads no rules, so no alert exists',
  'todo-synthetics: Certificate expires in A': 'the target of the test uses http, so it has no certificate',
}

/** Queries of runbooks that may have no result in the live test, by a part of them, with the reason. */
export const runbookQueryMayBeEmpty: Readonly<Record<string, string>> = {
  ' offset 1d': 'the test has no yesterday',
  ' offset 7d': 'the test has no last week',
  ' offset 15m': 'the test takes less than 15 minutes',
  'job:user_requests:usual1h': 'it needs two days',
  'job:user_requests:avg7d': 'it is recorded once a minute',
  'job:users_active:people1d': 'it is recorded once a minute',
  alertmanager_: 'the test has no Alertmanager',
  prometheus_: 'Prometheus does not scrape itself in the test',
  maintenance_window_: 'no window is planned',
  vigil_drill_last_success_timestamp_seconds: 'no drill has run',
  'ALERTS{': 'whether an alert fires depends on the moment',
  'up == 0': 'empty while nothing is wrong',
  'push_failure_time_seconds > push_time_seconds': 'empty while nothing is wrong',
  'vigil_probe_step_success == 0': 'empty while nothing is wrong',
  'vigil_probe_next_due_timestamp_seconds > 0': 'empty while nothing is wrong',
  'vigil_probe_outcome{outcome="unknown"} == 1': 'empty while nothing is wrong',
  'probe="auth-flow"': 'the test does not run this probe',
  'probe="authorization"': 'the test does not run this probe',
  'probe="rate-limit"': 'the test does not run this probe',
  vigil_probe_certificate_expiry_timestamp_seconds: 'the target of the test uses http',
  'nodejs_gc_duration_seconds_sum{kind="major"}': 'a major collection may not have happened yet',
}

/** Log queries of runbooks of which the test logs no line, or not with each field, by their event. */
export const logQueryMayBeEmpty: Readonly<Record<string, string>> = {
  'ratelimit.abused': 'the test exceeds the limit of an address, whose caller is not known: no userId',
  'ratelimit.config_changed': 'the test starts the API once',
}
