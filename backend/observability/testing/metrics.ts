/** One sample of `/metrics`. */
export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

export function parseSamples(metrics: string): Sample[] {
  return [...metrics.matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', labels = '', value]) => ({
      name,
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', content = '']) => [
          label,
          content,
        ]),
      ),
      value: Number(value),
    }),
  )
}

/**
 * The metrics of the contract: the name of each series and its sorted labels. For histograms, those of the
 * count.
 */
export const metricsContract: Readonly<Record<string, string>> = {
  http_requests_total: 'method route status',
  http_request_duration_seconds_count: 'method route status',
  http_requests_in_flight: '',
  http_connections_active: '',
  db_query_duration_seconds_count: 'query',
  db_pool_connections: 'state',
  db_pool_waiting: '',
  db_connection_errors_total: '',
  job_queue_length: 'queue state',
  job_duration_seconds_count: 'outcome queue',
  cache_requests_total: 'cache result',
  auth_attempts_total: 'action reason result',
  auth_lockouts_total: '',
  auth_token_failures_total: 'reason',
  auth_suspicious_addresses: '',
  user_registrations_total: '',
  users_active: 'window',
  task_operations_total: 'operation result',
  export_total: 'format result',
  import_total: 'format result',
  bulk_operation_duration_seconds_count: '',
  bulk_operation_items_count: '',
  rate_limit_hits_total: 'policy',
  rate_limit_utilization_ratio: 'policy',
  rate_limit_config_info: 'limit policy window',
  access_denied_total: 'kind',
  feature_users: 'feature',
  process_resident_memory_bytes: '',
  process_cpu_seconds_total: '',
  nodejs_eventloop_lag_p99_seconds: '',
  nodejs_gc_duration_seconds_count: 'kind',
}
