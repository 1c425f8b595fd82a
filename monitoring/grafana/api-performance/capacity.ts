import type { Row } from '../dashboard.ts'
import { line, timeSeries } from '../panels/index.ts'
import { instanceLabels } from './now.ts'

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
          `sum by (cache) (rate(cache_requests_total{${instanceLabels}, ` +
            'result="hit"}[$interval])) / sum by (cache) ' +
            `(rate(cache_requests_total{${instanceLabels}}[$interval]))`,
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
          `sum by (cache, result) (rate(cache_requests_total{${instanceLabels}}[$interval]))`,
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
            `(rate(job_duration_seconds_bucket{${instanceLabels}}[$interval])))`,
        ),
      ],
      unit: 'seconds',
      width: 12,
      none: 'No job finished',
    }),
  ],
}
