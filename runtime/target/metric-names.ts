/**
 * Names of the service's own metrics that vigil reads, in one table. The first group is what Prometheus
 * client libraries export for every process. The second is an optional convention, not specific to any
 * service: one that exports metrics under these names has the figures in its run records, and one that does
 * not has the records without them.
 */
export const serviceMetrics = {
  cpuSeconds: 'process_cpu_seconds_total',
  residentBytes: 'process_resident_memory_bytes',
  eventLoopP99Seconds: 'nodejs_eventloop_lag_p99_seconds',
  requests: ['http_requests_total', 'http_request_duration_seconds_count'],

  databaseSeconds: 'db_query_duration_seconds_sum',
  statements: 'db_query_duration_seconds_count',
  /** Connections by `state`; those in use have the label `state="in_use"`. */
  poolConnections: 'db_pool_connections',
  /** Queries that wait for a connection. */
  poolWaiting: 'db_pool_waiting',
} as const
