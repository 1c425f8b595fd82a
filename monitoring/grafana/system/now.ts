import type { Row } from '../dashboard.ts'
import { budgets } from '../limits.ts'
import { alertedBy, below, line, stat, steps } from '../panels/index.ts'

/** The machines that the reader chose. */
export const nodeLabels = 'instance=~"$node"'
/** The instances of the API that the reader chose. */
export const apiLabels = 'job="todo-backend", instance=~"$instance"'
/** Disks that can fill up: no memory file systems and no read-only images. */
export const diskLabels = `${nodeLabels}, fstype!~"tmpfs|ramfs|squashfs|iso9660"`
/** Network interfaces without loopback. */
export const networkLabels = `${nodeLabels}, device!~"lo|veth.*"`

/** Unit, limits and runbooks of every panel of the API's memory. */
export const residentLimits = {
  unit: 'bytes',
  ...alertedBy(['MemoryHigh', 'MemoryNearlyExhausted'], { shareOf: budgets.residentBytes }),
} as const

const machine: Row['panels'] = [
  stat({
    title: 'CPU',
    description:
      'Share of all CPU time in use over 5 minutes, of the busiest machine. Above 80 % for ' +
      'a long time, processes wait for CPU. The row of processes shows which one uses it.',
    queries: [
      line(
        'in use',
        `max(1 - avg by (instance) (rate(node_cpu_seconds_total{${nodeLabels}, mode="idle"}[5m])))`,
      ),
    ],
    unit: 'ratio',
    width: 4,
    limits: steps('green', [0.8, 'yellow'], [0.95, 'orange']),
  }),
  stat({
    title: 'Memory',
    description:
      'Share of memory in use, of the machine with the least free memory. Memory that the ' +
      'kernel can reclaim immediately counts as free. Alerts at 75 % and 90 %. At 100 % the ' +
      'kernel kills a process.',
    queries: [
      line(
        'in use',
        `max(1 - node_memory_MemAvailable_bytes{${nodeLabels}} / ` +
          `node_memory_MemTotal_bytes{${nodeLabels}})`,
      ),
    ],
    unit: 'ratio',
    width: 4,
    ...alertedBy(['MemoryHigh', 'MemoryNearlyExhausted']),
  }),
  stat({
    title: 'Disk free',
    description: 'Free share of the fullest disk. The alert limit is 10 %. At 0 PostgreSQL stops.',
    queries: [
      line(
        'free',
        `min(node_filesystem_avail_bytes{${diskLabels}} / node_filesystem_size_bytes{${diskLabels}})`,
      ),
    ],
    unit: 'ratio',
    width: 4,
    limits: below('DiskSpaceLow'),
    alerts: ['DiskSpaceLow'],
  }),
]

const api: Row['panels'] = [
  stat({
    title: 'API memory',
    description:
      'Resident memory of the largest instance of the API. The alert limits are 75 % and ' +
      '90 % of its 512 MB. A slope that continues for days is a leak: take heap snapshots ' +
      '(see the runbook).',
    queries: [line('resident', `max(process_resident_memory_bytes{${apiLabels}})`)],
    ...residentLimits,
    width: 4,
  }),
  stat({
    title: 'Event loop delay',
    description:
      'p99 delay of the event loop of the slowest instance: every request waits this long. ' +
      'Tens of milliseconds: CPU-bound work in the process.',
    queries: [line('p99', `max(nodejs_eventloop_lag_p99_seconds{${apiLabels}})`)],
    unit: 'seconds',
    width: 4,
    limits: steps('green', [0.1, 'yellow'], [0.5, 'orange']),
  }),
  stat({
    title: 'File descriptors',
    description:
      'Share of the file descriptors that an instance of the API may open. At 100 % it ' +
      'accepts no more connections: leaked sockets, or a limit that is too low.',
    queries: [line('open', `max(process_open_fds{${apiLabels}} / process_max_fds{${apiLabels}})`)],
    unit: 'ratio',
    width: 4,
    limits: steps('green', [0.7, 'yellow'], [0.9, 'orange']),
  }),
]

/** The resources that run out first. */
export const now: Row = { title: 'Right now', panels: [...machine, ...api] }
