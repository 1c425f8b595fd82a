/** Absolute limits: all are upper bounds but `requestsPerMinute`, which is a lower one. `steps` by `journey/step`. */
export interface Budgets {
  p95Ms?: number
  meanMs?: number
  p99Ms?: number
  /** 0..1 */
  errorRate?: number
  requestsPerMinute?: number
  rssBytes?: number
  steps?: Record<string, Budgets>
}
