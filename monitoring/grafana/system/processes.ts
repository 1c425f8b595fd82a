import type { Row } from '../dashboard.ts'
import { steps, timeSeries } from '../panels/index.ts'
import { ofApi, ofNode } from './selectors.ts'

/** Who takes it: processes by group, as the process exporter groups them. */
export const processes: Row = {
  title: 'Processes',
  panels: [
    timeSeries({
      title: 'Processes running',
      description:
        'Processes of each group. A group at 0 is gone; one that grows and grows forgets its children.',
      queries: [{ expr: 'sum by (groupname) (namedprocess_namegroup_num_procs)', legend: '{{groupname}}' }],
      unit: 'count',
      width: 8,
    }),
    timeSeries({
      title: 'CPU by process',
      description:
        'Cores in use by each group: 1 is one core. The API runs its JavaScript on one core an instance, so near 1 it is full, however idle the machine is.',
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
        'Resident memory of each group, with what its processes share counted in each. The one that grows is the one that leaks.',
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
        'Share of the file descriptors that the process of each group nearest to its limit has open, and of the whole machine. 100 %: no file and no connection can be opened.',
      queries: [
        { expr: 'max by (groupname) (namedprocess_namegroup_worst_fd_ratio)', legend: '{{groupname}}' },
        { expr: `max(node_filefd_allocated{${ofNode}} / node_filefd_maximum{${ofNode}})`, legend: 'machine' },
      ],
      unit: 'ratio',
      width: 8,
      limits: steps('green', [0.7, 'yellow'], [0.9, 'orange']),
    }),
    timeSeries({
      title: 'Running since',
      description:
        'How long each instance of the API has been up. A saw is a crash loop: read the last lines of the error log.',
      queries: [{ expr: `time() - process_start_time_seconds{${ofApi}}`, legend: '{{instance}}' }],
      unit: 'seconds',
      width: 8,
    }),
    timeSeries({
      title: 'Waiting, swapped, ended by the kernel',
      description:
        'Processes blocked by the disk, pages swapped per second, and processes that the kernel ended for lack of memory per hour. The last should be 0 for ever.',
      queries: [
        { expr: `sum(node_procs_blocked{${ofNode}})`, legend: 'blocked' },
        {
          expr: `sum(rate(node_vmstat_pswpin{${ofNode}}[$interval]) + rate(node_vmstat_pswpout{${ofNode}}[$interval]))`,
          legend: 'pages swapped',
        },
        { expr: `sum(increase(node_vmstat_oom_kill{${ofNode}}[1h]))`, legend: 'ended for lack of memory' },
      ],
      unit: 'count',
      width: 8,
    }),
  ],
}
