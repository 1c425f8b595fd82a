import type { Drill } from '../run/drill.ts'
import { critical, high, management, medium, mediumSecurity, secondary } from './destinations.ts'
import { drill, injected, memoryAt, steadily } from './making.ts'

const failingRequests = [
  'APIUnavailable',
  'APIHighErrorRate',
  'APIErrorRateElevated',
  'APIErrorBudgetBurning',
  'APIUnreachable',
  'ProbeDown',
]
const slowRequests = ['APIHighResponseTime', 'APIVerySlow', 'APISlow']

/** Database, authentication, limits, memory, disk. */
export const partDrills: readonly Drill[] = [
  drill({
    requirement: 'C6',
    alert: 'RateLimitBypassed',
    fault: 'limits are not enforced; the probe that must be refused looks',
    touches: ['limits', 'auth'],
    spoils: ['held'],
    makeFault: async ({ stage }) => {
      const withdraw = await stage.faults.add([{ rateLimitOff: true }])
      // Not more often: a run that is overdue is an outcome that nobody knows, and its series are gone.
      const probes = await stage.alsoProbe({ 'rate-limit': '5s' })
      if (probes.state === 'failed') throw new Error(probes.reason)
      const without = stage.standIns.probes.also(probes.url, 'probe="rate-limit"')
      return async () => {
        without()
        await probes.stop()
        await withdraw()
      }
    },
    to: critical,
    escalations: [secondary, management],
  }),
  drill({
    requirement: 'H6',
    alert: 'RateLimitNearlyReached',
    fault: 'one user asks 90 times within a minute, of 100 allowed',
    touches: ['limits', 'auth'],
    makeFault: async ({ traffic }) => {
      const token = await traffic.join('busy')
      for (let count = 0; count < 90; count += 1)
        await traffic.send({ method: 'GET', path: '/auth/me', token })
      return async () => undefined
    },
    to: high,
    // The service counts in minutes of the wall clock, whose windows cannot be compressed.
    slack: { clearMs: 62_000 },
  }),
  drill({
    requirement: 'H4',
    alert: 'MemoryNearlyExhausted',
    fault: 'the service holds 97 % of the 512 MB it may',
    touches: ['memory', 'held'],
    makeFault: memoryAt(0.97),
    to: high,
    inhibits: ['MemoryHigh'],
  }),
  drill({
    requirement: 'D4',
    alert: 'MemoryHigh',
    fault: 'the service holds 83 % of the 512 MB it may',
    touches: ['memory', 'held'],
    makeFault: memoryAt(0.83),
    to: medium,
  }),
  drill({
    requirement: 'H5',
    alert: 'DiskSpaceLow',
    fault: 'a disk of 16 MB is filled',
    standInHere: ({ nodeExporter: { disk } }) =>
      disk.state === 'none'
        ? `the node exporter's free space is said to be 1 byte: ${disk.reason}`
        : undefined,
    touches: ['disk'],
    makeFault: async ({ stage }) => {
      const { disk } = stage.nodeExporter
      if (disk.state === 'mounted') {
        disk.fill()
        return async () => disk.empty()
      }
      const end = stage.standIns.node.set({ node_filesystem_avail_bytes: 1 })
      return async () => end()
    },
    to: high,
  }),
  drill({
    requirement: 'D6',
    alert: 'AuthenticationFailuresHigh',
    fault: 'four logins a second with a wrong password',
    touches: ['auth'],
    makeFault: steadily(4, async ({ traffic }, count) => traffic.failLogin(`nobody${count}`)),
    to: mediumSecurity,
    inhibits: ['FailedLoginsUnusual'],
    // An address stays suspicious for 15 minutes of the wall clock.
    lingering: ['SuspiciousAddresses'],
  }),
  drill({
    requirement: 'C4',
    alert: 'AuthenticationServiceDown',
    fault: 'tokens are neither made nor checked',
    touches: ['auth', 'errors', 'limits'],
    spoils: ['held'],
    makeFault: injected({ authDown: true }),
    to: critical,
    along: failingRequests,
    escalations: [secondary],
  }),
  drill({
    requirement: 'C3',
    alert: 'DatabaseUnreachable',
    fault: 'PostgreSQL is ended',
    touches: ['latency', 'errors', 'database', 'auth', 'limits'],
    makeFault: async ({ stage }) => {
      await stage.database.stop()
      return stage.database.start
    },
    to: critical,
    along: [
      ...failingRequests,
      ...slowRequests,
      'DatabaseConnectionFailures',
      'AuthenticationServiceDown',
      'DatabaseConnectionsHigh',
      'DatabaseQueriesSlow',
      'MetricsMissing',
    ],
    escalations: [secondary],
  }),
  drill({
    requirement: 'C3',
    alert: 'DatabaseConnectionFailures',
    fault: 'queries are refused as by a database that is not there',
    touches: ['latency', 'errors', 'database', 'auth', 'limits'],
    spoils: ['held'],
    makeFault: injected({ dbDown: true }),
    to: critical,
    along: [
      ...failingRequests,
      ...slowRequests,
      'AuthenticationServiceDown',
      'DatabaseConnectionsHigh',
      'DatabaseQueriesSlow',
    ],
  }),
  drill({
    requirement: 'H3',
    alert: 'DatabaseQueriesSlow',
    fault: 'each query takes 1.3 s longer',
    touches: ['latency', 'errors', 'database', 'auth', 'limits'],
    makeFault: injected({ dbLatencyMs: 1300 }),
    to: high,
    along: [
      ...failingRequests,
      ...slowRequests,
      'DatabaseConnectionsHigh',
      'DatabaseConnectionFailures',
      'AuthenticationServiceDown',
    ],
  }),
  drill({
    requirement: 'D3',
    alert: 'DatabaseConnectionsHigh',
    fault: 'each query takes 0.9 s longer, so that the pool is in use',
    touches: ['latency', 'errors', 'database', 'auth', 'limits'],
    makeFault: injected({ dbLatencyMs: 900 }),
    to: medium,
    along: [
      ...failingRequests,
      ...slowRequests,
      'DatabaseQueriesSlow',
      'DatabaseConnectionFailures',
      'AuthenticationServiceDown',
    ],
  }),
]
