import type { Row } from '../dashboard.ts'
import { line, table, timeSeries } from '../panels/index.ts'
import {
  errorLimits,
  errorsByEndpoint,
  latencyLimits,
  latencyQuantile,
  routeLabels,
  slowestEndpoints,
} from './now.ts'

/** Request rate, latency and errors, over time and by endpoint. */
export const traffic: Row = {
  title: 'Latency, errors, traffic',
  panels: [
    timeSeries({
      title: 'Response time percentiles',
      description:
        'p50 rising: everything is slower (CPU, database). Only p99 rising: some requests ' +
        'are, look at the routes. The points are single requests: click one for its trace. ' +
        'Lines: budget and alerts.',
      queries: [
        ['p50', 0.5],
        ['p90', 0.9],
        ['p95', 0.95],
        ['p99', 0.99],
      ].map(([legend, quantile], index) => ({
        expr: latencyQuantile(Number(quantile), '$interval'),
        legend: String(legend),
        exemplars: index === 3,
      })),
      ...latencyLimits,
      width: 12,
    }),
    timeSeries({
      title: 'Error rate by endpoint',
      description:
        'Share of requests with a 5xx response: of all endpoints, and of each with errors. ' +
        'One endpoint: its code or query. All at the same time: database, memory, or a deployment ' +
        '(see the marks).',
      queries: [line('{{method}} {{route}}', errorsByEndpoint)],
      ...errorLimits,
      width: 12,
    }),
    timeSeries({
      title: 'Request rate by endpoint',
      description:
        'Answered requests per second. A sudden rise of one endpoint: a faulty client or an ' +
        'attack. A drop to 0: an outage between the clients and the API.',
      queries: [
        line(
          '{{method}} {{route}}',
          `sum by (method, route) (rate(http_requests_total{${routeLabels}}[$interval]))`,
        ),
      ],
      unit: 'requestsPerSecond',
      width: 12,
      stacked: true,
      alerts: ['TrafficUnusual'],
    }),
    timeSeries({
      title: 'p95 by endpoint',
      description:
        'The eight endpoints slowest over the chosen time. Compare with its queries on the ' +
        'database dashboard: a slow endpoint without a slow query waits for a connection or ' +
        'for CPU.',
      queries: [line('{{method}} {{route}}', slowestEndpoints)],
      ...latencyLimits,
      width: 12,
    }),
    table({
      title: 'Top error responses',
      description:
        'The twenty most frequent responses of 400 and above in the chosen time. 5xx are ' +
        'faults of the API. Many 401, 404 or 429 from one endpoint: a broken client or an ' +
        'attacker.',
      queries: [
        {
          expr:
            'topk(20, sum by (method, route, status) ' +
            `(increase(http_requests_total{${routeLabels}, status=~"[45].."}[$__range])) > 0)`,
        },
      ],
      unit: 'count',
      width: 12,
      columns: { status: 'Status', method: 'Method', route: 'Endpoint' },
      value: 'Responses',
      none: 'No response of 400 or above',
    }),
    timeSeries({
      title: 'Responses by status class',
      description: 'All responses by the class of their status. Most of them should be 2xx.',
      queries: [
        line(
          '{{class}}',
          `sum by (class) (label_replace(rate(http_requests_total{${routeLabels}}[$interval]), ` +
            `"class", "\${1}xx", "status", "(.).."))`,
        ),
      ],
      unit: 'requestsPerSecond',
      width: 12,
      stacked: true,
    }),
  ],
}
