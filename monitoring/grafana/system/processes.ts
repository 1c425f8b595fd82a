import type { Row } from '../dashboard.ts'
import { line, steps, timeSeries } from '../panels/index.ts'
import { apiLabels, nodeLabels, residentLimits } from './now.ts'

/** Processes by group, as the process exporter groups them. */
export const processes: Row = {
  title: 'Processes',
  panels: [
    timeSeries({
      title: 'Processes running',
      description:
        'Processes of each group. A group at 0 has exited. One that only grows does not reap its children.',
      queries: [line('{{groupname}}', 'sum by (groupname) (namedprocess_namegroup_num_procs)')],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'CPU by process',
      description:
        'Cores in use by each group: 1 is one core. Each API instance runs its JavaScript on ' +
        'one core: near 1 it is saturated, even on an idle machine.',
      queries: [
        line(
          '{{groupname}}',
          'sum by (groupname) (rate(namedprocess_namegroup_cpu_seconds_total[$__rate_interval]))',
        ),
      ],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'Memory by process',
      description:
        'Resident memory of each group. Shared memory counts for each process. A group that ' +
        'only grows leaks.',
      queries: [
        line('{{groupname}}', 'sum by (groupname) (namedprocess_namegroup_memory_bytes{memtype="resident"})'),
      ],
      unit: 'bytes',
      width: 8,
      alerts: ['MemoryHigh', 'MemoryNearlyExhausted'],
    }),
    timeSeries({
      title: 'File descriptors by process',
      description:
        'Share of open file descriptors of the process nearest to its limit, by group, and ' +
        'of the machine. At 100 % no file or connection can be opened.',
      queries: [
        line('{{groupname}}', 'max by (groupname) (namedprocess_namegroup_worst_fd_ratio)'),
        line('machine', `max(node_filefd_allocated{${nodeLabels}} / node_filefd_maximum{${nodeLabels}})`),
      ],
      unit: 'ratio',
      width: 8,
      limits: steps('green', [0.7, 'yellow'], [0.9, 'orange']),
    }),
    timeSeries({
      title: 'Uptime of the API',
      description:
        'Time since each instance of the API started. A sawtooth is a crash loop: read the ' +
        'last lines of the error log.',
      queries: [line('{{instance}}', `time() - process_start_time_seconds{${apiLabels}}`)],
      unit: 'seconds',
      width: 8,
    }),
    timeSeries({
      title: 'Blocked, swapped, killed for memory',
      description:
        'Processes blocked by the disk, pages swapped per second, and processes that the ' +
        'kernel killed for lack of memory per hour. The last must be 0.',
      queries: [
        line('blocked', `sum(node_procs_blocked{${nodeLabels}})`),
        line(
          'pages swapped',
          `sum(rate(node_vmstat_pswpin{${nodeLabels}}[$__rate_interval]) + ` +
            `rate(node_vmstat_pswpout{${nodeLabels}}[$__rate_interval]))`,
        ),
        line('killed for lack of memory', `sum(increase(node_vmstat_oom_kill{${nodeLabels}}[1h]))`),
      ],
      unit: 'count',
      width: 8,
    }),
  ],
}

/** Node.js in the API: what only the process itself can measure. */
export const runtime: Row = {
  title: 'Runtime of the API',
  panels: [
    timeSeries({
      title: 'Event loop delay',
      description:
        'Delay of the event loop since the last scrape: p50 and p99 of the slowest instance. ' +
        'Only p99 high: single long computations. Both high: the CPU is saturated.',
      queries: [
        line('p50', `max(nodejs_eventloop_lag_p50_seconds{${apiLabels}})`),
        line('p99', `max(nodejs_eventloop_lag_p99_seconds{${apiLabels}})`),
      ],
      unit: 'seconds',
      width: 8,
      limits: steps('green', [0.1, 'yellow'], [0.5, 'orange']),
    }),
    timeSeries({
      title: 'Garbage collection',
      description:
        'Share of time spent collecting garbage, by kind. "major" above a few per cent: the ' +
        'heap is nearly full, or the code creates too many objects.',
      queries: [
        line(
          '{{kind}}',
          `max by (kind) (rate(nodejs_gc_duration_seconds_sum{${apiLabels}}[$__rate_interval]))`,
        ),
      ],
      unit: 'ratio',
      width: 8,
    }),
    timeSeries({
      title: 'CPU of the API',
      description:
        'Cores in use by each instance. JavaScript runs on one core: near 1 the instance is ' +
        'saturated. Add an instance.',
      queries: [
        line(
          '{{instance}}',
          `sum by (instance) (rate(process_cpu_seconds_total{${apiLabels}}[$__rate_interval]))`,
        ),
      ],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'Resident memory of the API',
      description:
        'Resident memory by instance; the lines are the alerts at 75 % and 90 % of its 512 ' +
        'MB. It may rise after a start and then stay constant. A slope over days is a leak.',
      queries: [line('{{instance}}', `max by (instance) (process_resident_memory_bytes{${apiLabels}})`)],
      ...residentLimits,
      width: 8,
    }),
    timeSeries({
      title: 'Heap',
      description:
        'JavaScript heap in use and reserved, and memory outside the heap (buffers). Rising ' +
        'minima of "used" are a leak of objects, rising "outside" is a leak of buffers.',
      queries: [
        line('used', `sum(nodejs_heap_size_used_bytes{${apiLabels}})`),
        line('reserved', `sum(nodejs_heap_size_total_bytes{${apiLabels}})`),
        line('outside', `sum(nodejs_external_memory_bytes{${apiLabels}})`),
      ],
      unit: 'bytes',
      width: 8,
    }),
    timeSeries({
      title: 'Open files and sockets of the API',
      description:
        'File descriptors by instance, and what is open by type. A type that only grows is not closed.',
      queries: [
        line('descriptors {{instance}}', `sum by (instance) (process_open_fds{${apiLabels}})`),
        line('{{type}}', `sum by (type) (nodejs_active_resources{${apiLabels}})`),
      ],
      unit: 'count',
      width: 8,
    }),
  ],
}
