import type { Row } from '../dashboard.ts'
import { line, logsLink, table, timeSeries } from '../panels/index.ts'
import {
  errorLimits,
  errorsByEndpoint,
  latencyLimits,
  latencyQuantile,
  routeLabels,
  slowestEndpoints,
  instanceLabels,
} from './now.ts'

/** A failure is never green, whatever the order of the series. */
/** Reads per second, by cache. */
const cacheReads = `sum by (cache) (rate(cache_requests_total{${instanceLabels}}[$__rate_interval]))`

const statusColours = { '1xx': 'purple', '2xx': 'green', '3xx': 'blue', '4xx': 'yellow', '5xx': 'red' }

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
        expr: latencyQuantile(Number(quantile), '$__rate_interval'),
        legend: String(legend),
        exemplars: index === 3,
      })),
      ...latencyLimits,
      width: 12,
    }),
    timeSeries({
      title: 'Error rate by endpoint',
      description:
        'Share of requests with a 5xx response: of all endpoints, and of the eight with most. ' +
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
          `sum by (method, route) (rate(http_requests_total{${routeLabels}}[$__rate_interval]))`,
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
      links: [logsLink('responses of 400 and above', 'status >= 400')],
    }),
    timeSeries({
      title: 'Responses by status class',
      description: 'All responses by the class of their status. Most of them should be 2xx.',
      queries: [
        line(
          '{{class}}',
          `sum by (class) (label_replace(rate(http_requests_total{${routeLabels}}[$__rate_interval]), ` +
            `"class", "\${1}xx", "status", "(.).."))`,
        ),
      ],
      unit: 'requestsPerSecond',
      width: 12,
      stacked: true,
      colours: statusColours,
    }),
  ],
}

/** Where requests wait. */
export const capacity: Row = {
  title: 'Cache, connections, queues',
  panels: [
    timeSeries({
      title: 'Cache: hit ratio',
      description:
        'Share of reads that the cache served. A drop to 0 after a start is a cold cache and ' +
        'recovers. A lasting drop: the cache is too small, or keys do not repeat.',
      queries: [
        line(
          '{{cache}}',
          // A cache without a hit yet has no series of hits.
          `(sum by (cache) (rate(cache_requests_total{${instanceLabels}, result="hit"}[$__rate_interval])) ` +
            `or 0 * ${cacheReads}) / (${cacheReads} > 0)`,
        ),
      ],
      unit: 'ratio',
      width: 8,
      upTo: 1,
      none: 'No read of a cache',
    }),
    timeSeries({
      title: 'Cache: reads',
      description: 'Cache reads per second, by hits and misses. Every miss is a query to the database.',
      queries: [
        line(
          '{{cache}} {{result}}',
          `sum by (cache, result) (rate(cache_requests_total{${instanceLabels}}[$__rate_interval]))`,
        ),
      ],
      unit: 'perSecond',
      width: 8,
      stacked: true,
      none: 'No read of a cache',
    }),
    timeSeries({
      title: 'Requests in flight and connections',
      description:
        'Open connections of clients, and requests in progress. As many requests as ' +
        'connections: every client waits for the API.',
      queries: [
        line('connections', `sum(http_connections_active{${instanceLabels}})`),
        line('in flight', `sum(http_requests_in_flight{${instanceLabels}})`),
      ],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'Queue lengths',
      description:
        'Background jobs (exports and imports) waiting, running and failed. The queue is ' +
        'shared, so the panel shows the largest value of all instances. Waiting jobs that ' +
        'only increase: no worker processes them.',
      queries: [line('{{queue}} {{state}}', `max by (queue, state) (job_queue_length{${instanceLabels}})`)],
      unit: 'count',
      width: 12,
    }),
    timeSeries({
      title: 'Background jobs: p95',
      description: 'Duration of jobs, by queue and outcome. The largest bucket is 5 minutes.',
      queries: [
        line(
          '{{queue}} {{outcome}}',
          'histogram_quantile(0.95, sum by (le, queue, outcome) ' +
            `(rate(job_duration_seconds_bucket{${instanceLabels}}[$__rate_interval])))`,
        ),
      ],
      unit: 'seconds',
      width: 12,
      none: 'No job finished',
    }),
  ],
}
