import type { Row } from '../dashboard.ts'
import { budgets } from '../limits.ts'
import { above, steps, timeSeries } from '../panels/index.ts'
import { apiLabels, nodeLabels } from './now.ts'

/** Processes by group, as the process exporter groups them. */
export const processes: Row = {
  title: 'Processes',
  panels: [
    timeSeries({
      title: 'Processes running',
      description:
        'Processes of each group. A group at 0 has exited. One that only grows does not reap its children.',
      queries: [{ expr: 'sum by (groupname) (namedprocess_namegroup_num_procs)', legend: '{{groupname}}' }],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'CPU by process',
      description:
        'Cores in use by each group: 1 is one core. Each API instance runs its JavaScript on ' +
        'one core: near 1 it is saturated, even on an idle machine.',
      queries: [
        {
          expr: 'sum by (groupname) (rate(namedprocess_namegroup_cpu_seconds_total[$interval]))',
          legend: '{{groupname}}',
        },
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
        {
          expr: 'sum by (groupname) (namedprocess_namegroup_memory_bytes{memtype="resident"})',
          legend: '{{groupname}}',
        },
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
        { expr: 'max by (groupname) (namedprocess_namegroup_worst_fd_ratio)', legend: '{{groupname}}' },
        {
          expr: `max(node_filefd_allocated{${nodeLabels}} / node_filefd_maximum{${nodeLabels}})`,
          legend: 'machine',
        },
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
      queries: [{ expr: `time() - process_start_time_seconds{${apiLabels}}`, legend: '{{instance}}' }],
      unit: 'seconds',
      width: 8,
    }),
    timeSeries({
      title: 'Blocked, swapped, killed for memory',
      description:
        'Processes blocked by the disk, pages swapped per second, and processes that the ' +
        'kernel killed for lack of memory per hour. The last must be 0.',
      queries: [
        { expr: `sum(node_procs_blocked{${nodeLabels}})`, legend: 'blocked' },
        {
          expr:
            `sum(rate(node_vmstat_pswpin{${nodeLabels}}[$interval]) + ` +
            `rate(node_vmstat_pswpout{${nodeLabels}}[$interval]))`,
          legend: 'pages swapped',
        },
        {
          expr: `sum(increase(node_vmstat_oom_kill{${nodeLabels}}[1h]))`,
          legend: 'killed for lack of memory',
        },
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
        { expr: `max(nodejs_eventloop_lag_p50_seconds{${apiLabels}})`, legend: 'p50' },
        { expr: `max(nodejs_eventloop_lag_p99_seconds{${apiLabels}})`, legend: 'p99' },
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
        {
          expr: `max by (kind) (rate(nodejs_gc_duration_seconds_sum{${apiLabels}}[$interval]))`,
          legend: '{{kind}}',
        },
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
        {
          expr: `sum by (instance) (rate(process_cpu_seconds_total{${apiLabels}}[$interval]))`,
          legend: '{{instance}}',
        },
      ],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'Resident memory of the API',
      description:
        'Resident memory by instance; the lines are the alerts at 75 % and 90 % of its 512 ' +
        'MB. It may rise after a start and then stay constant. A slope over days is a leak.',
      queries: [
        { expr: `max by (instance) (process_resident_memory_bytes{${apiLabels}})`, legend: '{{instance}}' },
      ],
      unit: 'bytes',
      width: 8,
      limits: above(['MemoryHigh', 'MemoryNearlyExhausted'], { shareOf: budgets.residentBytes }),
      alerts: ['MemoryHigh', 'MemoryNearlyExhausted'],
    }),
    timeSeries({
      title: 'Heap',
      description:
        'JavaScript heap in use and reserved, and memory outside the heap (buffers). Rising ' +
        'minima of "used" are a leak of objects, rising "outside" is a leak of buffers.',
      queries: [
        { expr: `sum(nodejs_heap_size_used_bytes{${apiLabels}})`, legend: 'used' },
        { expr: `sum(nodejs_heap_size_total_bytes{${apiLabels}})`, legend: 'reserved' },
        { expr: `sum(nodejs_external_memory_bytes{${apiLabels}})`, legend: 'outside' },
      ],
      unit: 'bytes',
      width: 8,
    }),
    timeSeries({
      title: 'Open files and sockets of the API',
      description:
        'File descriptors by instance, and what is open by type. A type that only grows is not closed.',
      queries: [
        { expr: `sum by (instance) (process_open_fds{${apiLabels}})`, legend: 'descriptors {{instance}}' },
        { expr: `sum by (type) (nodejs_active_resources{${apiLabels}})`, legend: '{{type}}' },
      ],
      unit: 'count',
      width: 8,
    }),
  ],
}
