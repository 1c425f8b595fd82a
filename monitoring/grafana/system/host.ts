import type { Row } from '../dashboard.ts'
import { above, below, timeSeries } from '../panels/index.ts'
import { diskLabels, networkLabels, nodeLabels } from './now.ts'

const computing: Row['panels'] = [
  timeSeries({
    title: 'CPU by mode',
    description:
      'Share of CPU time by mode. "iowait" is the disk, "steal" is another virtual machine ' +
      'on the same hardware, "user" is our programs.',
    queries: [
      {
        expr:
          `sum by (mode) (rate(node_cpu_seconds_total{${nodeLabels}, ` +
          `mode!="idle"}[$interval])) / scalar(count(node_cpu_seconds_total{${nodeLabels}, ` +
          'mode="idle"}))',
        legend: '{{mode}}',
      },
    ],
    unit: 'ratio',
    width: 8,
    stacked: true,
    upTo: 1,
  }),
  timeSeries({
    title: 'Load and pressure',
    description:
      'Load per core, and pressure: the share of time in which a process waited for CPU, ' +
      'memory or disk. Any memory pressure is a problem.',
    queries: [
      {
        expr:
          `sum by (instance) (node_load1{${nodeLabels}}) / count by (instance) ` +
          `(node_cpu_seconds_total{${nodeLabels}, mode="idle"})`,
        legend: 'load per core',
      },
      {
        expr: `max by (instance) (rate(node_pressure_cpu_waiting_seconds_total{${nodeLabels}}[$interval]))`,
        legend: 'CPU pressure',
      },
      {
        expr:
          'max by (instance) ' +
          `(rate(node_pressure_memory_waiting_seconds_total{${nodeLabels}}[$interval]))`,
        legend: 'memory pressure',
      },
      {
        expr: `max by (instance) (rate(node_pressure_io_waiting_seconds_total{${nodeLabels}}[$interval]))`,
        legend: 'disk pressure',
      },
    ],
    unit: 'ratio',
    width: 8,
  }),
  timeSeries({
    title: 'Memory in use',
    description:
      'Share of memory in use by machine. Alerts at 75 % and 90 %. Rising day by day: a ' +
      'leak, see the processes.',
    queries: [
      {
        expr:
          `max by (instance) (1 - node_memory_MemAvailable_bytes{${nodeLabels}} / ` +
          `node_memory_MemTotal_bytes{${nodeLabels}})`,
        legend: '{{instance}}',
      },
    ],
    unit: 'ratio',
    width: 8,
    upTo: 1,
    limits: above(['MemoryHigh', 'MemoryNearlyExhausted']),
    alerts: ['MemoryHigh', 'MemoryNearlyExhausted'],
  }),
]

const input: Row['panels'] = [
  timeSeries({
    title: 'Disk throughput',
    description:
      'Bytes read and written per second. Sudden reads: memory is short, and files are read again.',
    queries: [
      {
        expr: `sum by (device) (rate(node_disk_read_bytes_total{${nodeLabels}}[$interval]))`,
        legend: 'read {{device}}',
      },
      {
        expr: `sum by (device) (rate(node_disk_written_bytes_total{${nodeLabels}}[$interval]))`,
        legend: 'written {{device}}',
      },
    ],
    unit: 'bytesPerSecond',
    width: 8,
  }),
  timeSeries({
    title: 'Disk busy',
    description: 'Share of time in which a disk was busy. Near 100 %: commits and queries wait for it.',
    queries: [
      {
        expr: `max by (device) (rate(node_disk_io_time_seconds_total{${nodeLabels}}[$interval]))`,
        legend: '{{device}}',
      },
    ],
    unit: 'ratio',
    width: 8,
    upTo: 1,
  }),
  timeSeries({
    title: 'Disk free',
    description:
      'Free share of each disk. The alert limit is 10 %. Extend the slope to see when it reaches the line.',
    queries: [
      {
        expr:
          `min by (mountpoint) (node_filesystem_avail_bytes{${diskLabels}} / ` +
          `node_filesystem_size_bytes{${diskLabels}})`,
        legend: '{{mountpoint}}',
      },
    ],
    unit: 'ratio',
    width: 8,
    upTo: 1,
    limits: below('DiskSpaceLow'),
    alerts: ['DiskSpaceLow'],
  }),
  timeSeries({
    title: 'Network throughput',
    description:
      'Bytes received and sent per second, without loopback traffic. Much more sent than ' +
      'received: large responses or an export. Much more received: imports, or a flood of ' +
      'requests.',
    queries: [
      {
        expr: `sum by (instance) (rate(node_network_receive_bytes_total{${networkLabels}}[$interval]))`,
        legend: 'received',
      },
      {
        expr: `sum by (instance) (rate(node_network_transmit_bytes_total{${networkLabels}}[$interval]))`,
        legend: 'sent',
      },
    ],
    unit: 'bytesPerSecond',
    width: 12,
  }),
  timeSeries({
    title: 'Network problems',
    description:
      'Packets dropped or with errors, retransmitted segments, and connections refused ' +
      'because a listen queue was full, per second. Should be near 0.',
    queries: [
      {
        expr:
          `sum(rate(node_network_receive_drop_total{${networkLabels}}[$interval]) + ` +
          `rate(node_network_transmit_drop_total{${networkLabels}}[$interval]))`,
        legend: 'dropped',
      },
      {
        expr:
          `sum(rate(node_network_receive_errs_total{${networkLabels}}[$interval]) + ` +
          `rate(node_network_transmit_errs_total{${networkLabels}}[$interval]))`,
        legend: 'errors',
      },
      { expr: `sum(rate(node_netstat_Tcp_RetransSegs{${nodeLabels}}[$interval]))`, legend: 'retransmitted' },
      {
        expr: `sum(rate(node_netstat_TcpExt_ListenOverflows{${nodeLabels}}[$interval]))`,
        legend: 'listen queue full',
      },
    ],
    unit: 'perSecond',
    width: 12,
  }),
]

/** The machine: CPU, memory, disk, network. */
export const host: Row = { title: 'Machine', panels: [...computing, ...input] }
