import type { Row } from '../dashboard.ts'
import { budgets } from '../limits.ts'
import { above, steps, timeSeries } from '../panels/index.ts'
import { ofApi } from './selectors.ts'

/** Node.js in the API: what only the process itself can say. */
export const runtime: Row = {
  title: 'Runtime of the API',
  panels: [
    timeSeries({
      title: 'Event loop delay',
      description:
        'Delay of the event loop since the last scrape: p50 and p99 of the slowest instance. p99 alone: single long computations. Both: the CPU is full.',
      queries: [
        { expr: `max(nodejs_eventloop_lag_p50_seconds{${ofApi}})`, legend: 'p50' },
        { expr: `max(nodejs_eventloop_lag_p99_seconds{${ofApi}})`, legend: 'p99' },
      ],
      unit: 'seconds',
      width: 8,
      limits: steps('green', [0.1, 'yellow'], [0.5, 'orange']),
    }),
    timeSeries({
      title: 'Garbage collection',
      description:
        'Share of time spent collecting garbage, by kind. "major" above a few per cent: the heap is nearly full, or something makes far too many objects.',
      queries: [
        {
          expr: `max by (kind) (rate(nodejs_gc_duration_seconds_sum{${ofApi}}[$interval]))`,
          legend: '{{kind}}',
        },
      ],
      unit: 'ratio',
      width: 8,
    }),
    timeSeries({
      title: 'CPU of the API',
      description:
        'Cores in use by each instance. JavaScript runs on one core: near 1 the instance is full, and another instance is what helps.',
      queries: [
        {
          expr: `sum by (instance) (rate(process_cpu_seconds_total{${ofApi}}[$interval]))`,
          legend: '{{instance}}',
        },
      ],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'Resident memory of the API',
      description:
        'Resident memory by instance; the lines are the alerts at 75 % and 90 % of its 512 MB. It may rise after a start and then stays; a slope over days is a leak.',
      queries: [
        { expr: `max by (instance) (process_resident_memory_bytes{${ofApi}})`, legend: '{{instance}}' },
      ],
      unit: 'bytes',
      width: 8,
      limits: above(['MemoryHigh', 'MemoryNearlyExhausted'], { shareOf: budgets.residentBytes }),
      alerts: ['MemoryHigh', 'MemoryNearlyExhausted'],
    }),
    timeSeries({
      title: 'Heap',
      description:
        'JavaScript heap in use and reserved, and memory outside of it (buffers). Use that rises from trough to trough is a leak in our objects; outside, in buffers.',
      queries: [
        { expr: `sum(nodejs_heap_size_used_bytes{${ofApi}})`, legend: 'used' },
        { expr: `sum(nodejs_heap_size_total_bytes{${ofApi}})`, legend: 'reserved' },
        { expr: `sum(nodejs_external_memory_bytes{${ofApi}})`, legend: 'outside' },
      ],
      unit: 'bytes',
      width: 8,
    }),
    timeSeries({
      title: 'Open files and sockets of the API',
      description:
        'File descriptors by instance, and what is open by type. A type that only grows is not closed somewhere.',
      queries: [
        { expr: `sum by (instance) (process_open_fds{${ofApi}})`, legend: 'descriptors {{instance}}' },
        { expr: `sum by (type) (nodejs_active_resources{${ofApi}})`, legend: '{{type}}' },
      ],
      unit: 'count',
      width: 8,
    }),
  ],
}
