import type { Drill } from './drill.ts'
import { critical, high, management, medium, mediumSecurity, secondary } from './destinations.ts'
import { defineDrill, injectRules, fillMemory, actAtRate } from './builders.ts'

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
  defineDrill({
    requirement: 'C6',
    alert: 'RateLimitBypassed',
    fault: 'limits are not enforced; the probe that must be refused looks',
    exclusive: ['limits', 'auth'],
    disturbs: ['held'],
    injectFault: async ({ environment }) => {
      const withdraw = await environment.faults.add([{ rateLimitOff: true }])
      // Not more often: a run that is overdue is an outcome that nobody knows, and its series are gone.
      const probes = await environment.startExtraProbes({ 'rate-limit': '5s' })
      if (probes.state === 'failed') throw new Error(probes.reason)
      const without = environment.exporters.probes.addLinesFrom(probes.service.url, 'probe="rate-limit"')
      return async () => {
        without()
        await probes.service.stop()
        await withdraw()
      }
    },
    to: critical,
    escalations: [secondary, management],
  }),
  defineDrill({
    requirement: 'H6',
    alert: 'RateLimitNearlyReached',
    fault: 'one user asks 90 times within a minute, of 100 allowed',
    exclusive: ['limits', 'auth'],
    injectFault: async ({ traffic }) => {
      const token = await traffic.registerUser('busy')
      for (let count = 0; count < 90; count += 1)
        await traffic.send({ method: 'GET', path: '/auth/me', token })
      return async () => undefined
    },
    to: high,
    // The service counts in minutes of the wall clock, whose windows cannot be compressed.
    slack: { clearMs: 62_000 },
  }),
  defineDrill({
    requirement: 'H4',
    alert: 'MemoryNearlyExhausted',
    fault: 'the service holds 97 % of the 512 MB it may',
    exclusive: ['memory', 'held'],
    injectFault: fillMemory(0.97),
    to: high,
    inhibits: ['MemoryHigh'],
  }),
  defineDrill({
    requirement: 'D4',
    alert: 'MemoryHigh',
    fault: 'the service holds 83 % of the 512 MB it may',
    exclusive: ['memory', 'held'],
    injectFault: fillMemory(0.83),
    to: medium,
  }),
  defineDrill({
    requirement: 'H5',
    alert: 'DiskSpaceLow',
    fault: 'a disk of 16 MB is filled',
    standInFor: ({ nodeExporter: { disk } }) =>
      disk.state === 'none'
        ? `the node exporter's free space is said to be 1 byte: ${disk.reason}`
        : undefined,
    exclusive: ['disk'],
    injectFault: async ({ environment }) => {
      const { disk } = environment.nodeExporter
      if (disk.state === 'mounted') {
        disk.fill()
        return async () => disk.empty()
      }
      const end = environment.exporters.node.set({ node_filesystem_avail_bytes: 1 })
      return async () => end()
    },
    to: high,
  }),
  defineDrill({
    requirement: 'D6',
    alert: 'AuthenticationFailuresHigh',
    fault: 'four logins a second with a wrong password',
    exclusive: ['auth'],
    injectFault: actAtRate(4, async ({ traffic }, count) => traffic.failLogin(`nobody${count}`)),
    to: mediumSecurity,
    inhibits: ['FailedLoginsUnusual'],
    // An address stays suspicious for 15 minutes of the wall clock.
    mayKeepFiring: ['SuspiciousAddresses'],
  }),
  defineDrill({
    requirement: 'C4',
    alert: 'AuthenticationServiceDown',
    fault: 'tokens are neither made nor checked',
    exclusive: ['auth', 'errors', 'limits'],
    disturbs: ['held'],
    injectFault: injectRules({ authDown: true }),
    to: critical,
    mayAlsoFire: failingRequests,
    escalations: [secondary],
  }),
  defineDrill({
    requirement: 'C3',
    alert: 'DatabaseUnreachable',
    fault: 'PostgreSQL is ended',
    exclusive: ['latency', 'errors', 'database', 'auth', 'limits'],
    injectFault: async ({ environment }) => {
      await environment.database.stop()
      return environment.database.start
    },
    to: critical,
    mayAlsoFire: [
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
  defineDrill({
    requirement: 'C3',
    alert: 'DatabaseConnectionFailures',
    fault: 'queries are refused as by a database that is not there',
    exclusive: ['latency', 'errors', 'database', 'auth', 'limits'],
    disturbs: ['held'],
    injectFault: injectRules({ dbDown: true }),
    to: critical,
    mayAlsoFire: [
      ...failingRequests,
      ...slowRequests,
      'AuthenticationServiceDown',
      'DatabaseConnectionsHigh',
      'DatabaseQueriesSlow',
    ],
  }),
  defineDrill({
    requirement: 'H3',
    alert: 'DatabaseQueriesSlow',
    fault: 'each query takes 1.3 s longer',
    exclusive: ['latency', 'errors', 'database', 'auth', 'limits'],
    injectFault: injectRules({ dbLatencyMs: 1300 }),
    to: high,
    mayAlsoFire: [
      ...failingRequests,
      ...slowRequests,
      'DatabaseConnectionsHigh',
      'DatabaseConnectionFailures',
      'AuthenticationServiceDown',
    ],
  }),
  defineDrill({
    requirement: 'D3',
    alert: 'DatabaseConnectionsHigh',
    fault: 'each query takes 0.9 s longer, so that the pool is in use',
    exclusive: ['latency', 'errors', 'database', 'auth', 'limits'],
    injectFault: injectRules({ dbLatencyMs: 900 }),
    to: medium,
    mayAlsoFire: [
      ...failingRequests,
      ...slowRequests,
      'DatabaseQueriesSlow',
      'DatabaseConnectionFailures',
      'AuthenticationServiceDown',
    ],
  }),
]
