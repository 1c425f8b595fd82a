import type { Row } from '../dashboard.ts'
import { alertedBy, below, line, timeSeries } from '../panels/index.ts'
import { diskLabels, networkLabels, nodeLabels } from './now.ts'

/** The share of time in which a process waited for a resource. */
function pressure(resource: 'cpu' | 'memory' | 'io'): string {
  const waiting = `node_pressure_${resource}_waiting_seconds_total{${nodeLabels}}`
  return `max by (instance) (rate(${waiting}[$__rate_interval]))`
}

function clockOffset(reading: string): string {
  return `abs(${reading} - timestamp(${reading}))`
}

const computing: Row['panels'] = [
  timeSeries({
    title: 'CPU by mode',
    description:
      'Share of CPU time by mode. "iowait" is the disk, "steal" is another virtual machine ' +
      'on the same hardware, "user" is our programs.',
    queries: [
      line(
        '{{mode}}',
        `sum by (mode) (rate(node_cpu_seconds_total{${nodeLabels}, ` +
          `mode!="idle"}[$__rate_interval])) / scalar(count(node_cpu_seconds_total{${nodeLabels}, ` +
          'mode="idle"}))',
      ),
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
      line(
        'load per core',
        `sum by (instance) (node_load1{${nodeLabels}}) / count by (instance) ` +
          `(node_cpu_seconds_total{${nodeLabels}, mode="idle"})`,
      ),
      line('CPU pressure', pressure('cpu')),
      line('memory pressure', pressure('memory')),
      line('disk pressure', pressure('io')),
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
      line(
        '{{instance}}',
        `max by (instance) (1 - node_memory_MemAvailable_bytes{${nodeLabels}} / ` +
          `node_memory_MemTotal_bytes{${nodeLabels}})`,
      ),
    ],
    unit: 'ratio',
    width: 8,
    upTo: 1,
    ...alertedBy(['MemoryHigh', 'MemoryNearlyExhausted']),
  }),
]

const input: Row['panels'] = [
  timeSeries({
    title: 'Disk throughput',
    description:
      'Bytes read and written per second. Sudden reads: memory is short, and files are read again.',
    queries: [
      line(
        'read {{device}}',
        `sum by (device) (rate(node_disk_read_bytes_total{${nodeLabels}}[$__rate_interval]))`,
      ),
      line(
        'written {{device}}',
        `sum by (device) (rate(node_disk_written_bytes_total{${nodeLabels}}[$__rate_interval]))`,
      ),
    ],
    unit: 'bytesPerSecond',
    width: 8,
  }),
  timeSeries({
    title: 'Disk busy',
    description: 'Share of time in which a disk was busy. Near 100 %: commits and queries wait for it.',
    queries: [
      line(
        '{{device}}',
        `max by (device) (rate(node_disk_io_time_seconds_total{${nodeLabels}}[$__rate_interval]))`,
      ),
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
      line(
        '{{mountpoint}}',
        `min by (mountpoint) (node_filesystem_avail_bytes{${diskLabels}} / ` +
          `node_filesystem_size_bytes{${diskLabels}})`,
      ),
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
      line(
        'received',
        `sum by (instance) (rate(node_network_receive_bytes_total{${networkLabels}}[$__rate_interval]))`,
      ),
      line(
        'sent',
        `sum by (instance) (rate(node_network_transmit_bytes_total{${networkLabels}}[$__rate_interval]))`,
      ),
    ],
    unit: 'bytesPerSecond',
    width: 8,
  }),
  timeSeries({
    title: 'Network problems',
    description:
      'Packets dropped or with errors, retransmitted segments, and connections refused ' +
      'because a listen queue was full, per second. Should be near 0.',
    queries: [
      line(
        'dropped',
        `sum(rate(node_network_receive_drop_total{${networkLabels}}[$__rate_interval]) + ` +
          `rate(node_network_transmit_drop_total{${networkLabels}}[$__rate_interval]))`,
      ),
      line(
        'errors',
        `sum(rate(node_network_receive_errs_total{${networkLabels}}[$__rate_interval]) + ` +
          `rate(node_network_transmit_errs_total{${networkLabels}}[$__rate_interval]))`,
      ),
      line('retransmitted', `sum(rate(node_netstat_Tcp_RetransSegs{${nodeLabels}}[$__rate_interval]))`),
      line(
        'listen queue full',
        `sum(rate(node_netstat_TcpExt_ListenOverflows{${nodeLabels}}[$__rate_interval]))`,
      ),
    ],
    unit: 'perSecond',
    width: 8,
  }),
  timeSeries({
    title: 'Clock offset',
    description:
      "How far each clock is from Prometheus' clock at a scrape. The alert limit is 5 s. The " +
      'heartbeat of the probes is up to a second old. All hosts: the clock of Prometheus is wrong.',
    queries: [
      line('{{instance}}', clockOffset(`node_time_seconds{${nodeLabels}}`)),
      line('probes {{instance}}', clockOffset('vigil_probe_heartbeat_timestamp_seconds')),
    ],
    unit: 'seconds',
    width: 8,
    ...alertedBy(['ClockSkew']),
  }),
]

/** The machine: CPU, memory, disk, network. */
export const host: Row = { title: 'Machine', panels: [...computing, ...input] }
