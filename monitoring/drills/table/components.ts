import { critical, high, management, medium, mediumSecurity, secondary } from './builders.ts'
import { actAtRate, defineDrill, fillMemory, holdConnections, injectRules } from './builders.ts'
import type { Drill } from './drill.ts'

const failingRequests = [
  'APIUnavailable',
  'APIHighErrorRate',
  'APIErrorRateElevated',
  'APIErrorBudgetBurning',
  'APIUnreachable',
  'ProbeDown',
]
const slowRequests = ['APIHighResponseTime', 'APIVerySlow', 'APISlow']

/** What a fault of the database can also cause. */
const failingDatabase = [
  ...failingRequests,
  ...slowRequests,
  'DatabaseConnectionFailures',
  'AuthenticationServiceDown',
  'DatabaseConnectionsHigh',
  'DatabaseQueriesSlow',
]
const withDatabase = ['latency', 'errors', 'database', 'auth', 'limits'] as const

/** Faults of the database, authentication, rate limits, memory and disk. */
export const componentDrills: readonly Drill[] = [
  defineDrill({
    requirement: 'C6',
    alert: 'RateLimitBypassed',
    fault: 'limits are not enforced; the probe that must be rejected runs',
    exclusive: ['limits', 'auth'],
    disturbs: ['held'],
    injectFault: async ({ environment }) => {
      const endFault = await environment.faults.add([{ rateLimitOff: true }])
      // Not more often: an overdue run has the outcome unknown, and its series disappear.
      const probes = await environment.startExtraProbes({ 'rate-limit': '5s' })
      if (probes.state === 'failed') throw new Error(probes.reason)
      const endLines = environment.exporters.probes.addLinesFrom(probes.service.url, 'probe="rate-limit"')
      return async () => {
        endLines()
        await probes.service.stop()
        await endFault()
      }
    },
    to: critical,
    escalations: [secondary, management],
  }),
  defineDrill({
    requirement: 'H6',
    alert: 'RateLimitNearlyReached',
    fault: 'one user sends 90 requests within a minute, of 100 allowed',
    exclusive: ['limits', 'auth'],
    injectFault: async ({ traffic }) => {
      const token = await traffic.registerUser('busy')
      for (let count = 0; count < 90; count += 1)
        await traffic.send({ method: 'GET', path: '/auth/me', token })
      return async () => undefined
    },
    to: high,
    // The service counts in minutes of the wall clock, which cannot be compressed.
    slack: { clearMs: 62_000 },
  }),
  defineDrill({
    requirement: 'H4',
    alert: 'MemoryNearlyExhausted',
    fault: 'the service uses 97 % of its 512 MB',
    exclusive: ['memory', 'held'],
    injectFault: fillMemory(0.97),
    to: high,
    inhibits: ['MemoryHigh'],
  }),
  defineDrill({
    requirement: 'D4',
    alert: 'MemoryHigh',
    fault: 'the service uses 83 % of its 512 MB',
    exclusive: ['memory', 'held'],
    injectFault: fillMemory(0.83),
    to: medium,
  }),
  defineDrill({
    requirement: 'H5',
    alert: 'DiskSpaceLow',
    fault: 'a disk of 16 MB is full',
    standInFor: ({ nodeExporter: { disk } }) =>
      disk.state === 'unavailable'
        ? `the free space in the node exporter's metrics is set to 1 byte: ${disk.reason}`
        : undefined,
    exclusive: ['disk'],
    injectFault: async ({ environment }) => {
      const { disk } = environment.nodeExporter
      if (disk.state === 'ok') {
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
    injectFault: actAtRate(4, async ({ traffic }, count) => traffic.failLogin(`unknown${count}`)),
    to: mediumSecurity,
    inhibits: ['FailedLoginsUnusual'],
    // An address stays suspicious for 15 minutes of the wall clock.
    mayKeepFiring: ['SuspiciousAddresses'],
  }),
  defineDrill({
    requirement: 'C4',
    alert: 'AuthenticationServiceDown',
    fault: 'tokens are neither issued nor verified',
    exclusive: ['auth', 'errors', 'limits'],
    disturbs: ['held'],
    injectFault: async (context) => {
      // Otherwise, only the probe would notice that logins fail.
      const endLogins = await actAtRate(2, async ({ traffic }, count) => traffic.login(count))(context)
      const endFault = await context.environment.faults.add([{ authDown: true }])
      return async () => {
        await endFault()
        await endLogins()
      }
    },
    to: critical,
    mayAlsoFire: failingRequests,
    escalations: [secondary],
  }),
  defineDrill({
    requirement: 'C3',
    alert: 'DatabaseUnreachable',
    fault: 'PostgreSQL is stopped',
    exclusive: withDatabase,
    injectFault: async ({ environment }) => {
      await environment.database.stop()
      return environment.database.start
    },
    to: critical,
    mayAlsoFire: [...failingDatabase, 'MetricsMissing'],
    escalations: [secondary],
  }),
  defineDrill({
    requirement: 'C5',
    alert: 'APIUnreachable',
    fault: 'the process of the API is ended',
    exclusive: ['*'],
    injectFault: async ({ environment }) => {
      await environment.api.stop()
      return async () => {
        await environment.api.start()
        // The new process has none of the faults.
        await (
          await environment.faults.add([])
        )()
      }
    },
    to: critical,
    mayAlsoFire: [...failingDatabase, 'TargetDown', 'MetricsMissing'],
    escalations: [secondary],
  }),
  defineDrill({
    requirement: 'C3',
    alert: 'DatabaseConnectionFailures',
    fault: 'queries fail as if the database were unreachable',
    exclusive: withDatabase,
    disturbs: ['held'],
    injectFault: injectRules({ dbDown: true }),
    to: critical,
    mayAlsoFire: failingDatabase.filter((alert) => alert !== 'DatabaseConnectionFailures'),
  }),
  defineDrill({
    requirement: 'H3',
    alert: 'DatabaseQueriesSlow',
    fault: 'one query takes 1.5 s longer',
    exclusive: withDatabase,
    // Of one query in ten: more would use all connections of the pool, and then requests fail.
    injectFault: injectRules({ dbLatencyMs: 1500, query: 'tasks.insert' }),
    to: high,
    mayAlsoFire: slowRequests,
  }),
  defineDrill({
    requirement: 'D3',
    alert: 'DatabaseConnectionsHigh',
    fault: 'another program holds 76 of the 100 connections of PostgreSQL',
    exclusive: ['database'],
    injectFault: holdConnections(76),
    to: medium,
  }),
]
