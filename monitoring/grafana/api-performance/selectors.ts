/** The series of the API that the reader chose. */
export const ofInstance = 'job="todo-backend", instance=~"$instance"'
/** As above, of the routes that the reader chose. */
export const ofRoute = `${ofInstance}, route=~"$route"`

/** Quantile over all instances: their buckets are added, since quantiles cannot be averaged. */
export function latencyQuantile(quantile: number, window: string, by = '', at = ''): string {
  return `histogram_quantile(${quantile}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(http_request_duration_seconds_bucket{${ofRoute}}[${window}]${at})))`
}

/** Share of requests answered by a 5xx; 0 where there were requests and none failed, nothing where there was none. */
export function errorRatio(window: string, by = ''): string {
  const grouped = by === '' ? 'sum' : `sum by (${by})`
  const all = `${grouped} (rate(http_requests_total{${ofRoute}}[${window}]))`
  return `(${grouped} (rate(http_requests_total{${ofRoute}, status=~"5.."}[${window}])) or 0 * ${all}) / ${all}`
}

/** p95 of the eight endpoints that are slowest over the whole range: a fixed choice, where a bare topk would choose anew at each point. */
export const slowestEndpoints = `${latencyQuantile(0.95, '$interval', 'method, route')} and on (method, route) topk(8, ${latencyQuantile(0.95, '$__range', 'method, route', ' @ end()')})`

/** Error ratio of all endpoints together, and of each that has errors. */
export const errorsByEndpoint = `label_replace(${errorRatio('$interval')}, "route", "all endpoints", "", "") or ${errorRatio('$interval', 'method, route')} > 0`
