import { critical, high, maintenance, management, medium, reports, secondary } from './builders.ts'
import { actAtRate, defineDrill, failRequests, openMaintenanceWindow, slowDownLists } from './builders.ts'
import { componentDrills } from './components.ts'
import type { Drill } from './drill.ts'

const hourMs = 60 * 60_000

const noFault: Drill['injectFault'] = async () => async () => undefined

/** Notifications that are sent once a day or a week, and maintenance. */
const noticeDrills: readonly Drill[] = [
  defineDrill({
    requirement: 'L1',
    alert: 'NewRegistrations',
    fault: 'eight users register',
    exclusive: ['growth'],
    injectFault: async ({ traffic }) => {
      for (let count = 0; count < 8; count += 1) await traffic.register(`new${count}`)
      return async () => undefined
    },
    to: reports,
    stays: 'a day takes 24 minutes on the drill’s clock',
  }),
  defineDrill({
    requirement: 'L2',
    alert: 'UsageTrend',
    fault: '50 % more requests than in the week before',
    standIn: 'both weeks are written into Prometheus, because a week takes 2.8 hours on the drill’s clock',
    exclusive: [],
    injectFault: noFault,
    to: reports,
    limits: { firesMs: 1.5 * hourMs },
    stays: 'a week takes 2.8 hours on the drill’s clock',
  }),
  defineDrill({
    requirement: 'L3',
    alert: 'FeatureAdoption',
    fault: 'twenty users are active, three of them export',
    exclusive: [],
    injectFault: async ({ traffic }) => {
      for (let user = 0; user < 3; user += 1)
        await traffic.send({ method: 'POST', path: '/exports', json: { format: 'json' }, user })
      return async () => undefined
    },
    to: reports,
    limits: { firesMs: 1.5 * hourMs },
    stays: 'users count as active for 24 hours of the wall clock',
  }),
  defineDrill({
    requirement: 'L4',
    alert: 'MaintenanceWindow',
    fault: 'a maintenance window begins, and one request in four fails with 500',
    exclusive: ['*'],
    injectFault: openMaintenanceWindow,
    to: maintenance,
    mutes: ['APIUnavailable', 'APIHighErrorRate', 'APIErrorRateElevated', 'APIErrorBudgetBurning'],
    mayAlsoFire: ['ProbeDown'],
  }),
]

/** Response times and error rates. */
const requestDrills: readonly Drill[] = [
  defineDrill({
    requirement: 'C1',
    alert: 'APIHighResponseTime',
    fault: 'three lists in ten take 6 s',
    exclusive: ['latency', 'held'],
    injectFault: slowDownLists(6000),
    to: critical,
    inhibits: ['APIVerySlow', 'APISlow'],
    escalations: [secondary, management],
  }),
  defineDrill({
    requirement: 'C5',
    alert: 'APIUnavailable',
    fault: 'one request in four fails with 500',
    exclusive: ['errors'],
    injectFault: failRequests(16),
    to: critical,
    inhibits: ['APIErrorRateElevated', 'APIErrorBudgetBurning'],
    mayAlsoFire: ['APIHighErrorRate'],
    escalations: [secondary],
  }),
  defineDrill({
    requirement: 'C2',
    alert: 'APIHighErrorRate',
    fault: 'one request in twelve fails with 500',
    exclusive: ['errors'],
    // Between the limit of 5 % and the 10 % of APIUnavailable, even while another drill sends 100 requests at
    // once.
    injectFault: failRequests(3.3),
    to: critical,
    inhibits: ['APIErrorRateElevated', 'APIErrorBudgetBurning'],
    escalations: [secondary],
  }),
  defineDrill({
    requirement: 'H1',
    alert: 'APIVerySlow',
    fault: 'three lists in ten take 3 s',
    exclusive: ['latency', 'held'],
    injectFault: slowDownLists(3000),
    to: high,
    inhibits: ['APISlow'],
  }),
  defineDrill({
    requirement: 'D1',
    alert: 'APISlow',
    fault: 'three lists in ten take 1.5 s',
    exclusive: ['latency', 'held'],
    injectFault: slowDownLists(1500),
    to: medium,
  }),
  defineDrill({
    requirement: 'H2',
    alert: 'APIErrorRateElevated',
    fault: 'one request in thirty fails with 500',
    exclusive: ['errors'],
    injectFault: failRequests(1.3),
    to: high,
    inhibits: ['APIErrorBudgetBurning'],
  }),
  defineDrill({
    requirement: 'D2',
    alert: 'APIErrorBudgetBurning',
    fault: 'one request in ninety fails with 500',
    exclusive: ['errors'],
    injectFault: failRequests(0.45),
    to: medium,
  }),
  defineDrill({
    requirement: 'D5',
    alert: 'TrafficUnusual',
    fault: 'four times as many requests as at this hour of the previous days',
    standIn:
      'the previous days are written into Prometheus, because a week takes 2.8 hours on the drill’s clock',
    exclusive: ['latency', 'errors'],
    injectFault: actAtRate(100, async ({ traffic }, count) =>
      traffic.send({ method: 'GET', path: '/tasks', user: count }),
    ),
    to: medium,
  }),
]

/**
 * A drill for each alert of the requirements C1–C6, H1–H6, D1–D6, L1–L4, in the order in which they start.
 */
export const drills: readonly Drill[] = [
  ...noticeDrills.slice(0, 3),
  ...requestDrills,
  ...componentDrills,
  ...noticeDrills.slice(3),
]

/** Alerts that may fire at any time in the drills' environment, because of its users and its history. */
export const expectedAlerts: readonly string[] = [
  'Watchdog',
  'NewRegistrations',
  'FeatureAdoption',
  'UsageTrend',
]

/** The drills of these alerts or requirements; all drills without names. An unknown name is a usage error. */
export function findDrills(
  names: readonly string[],
): { state: 'ok'; drills: readonly Drill[] } | { state: 'usage-error'; name: string; known: string[] } {
  const unknown = names.find((name) => !drills.some((drill) => isNamed(drill, name)))
  if (unknown !== undefined)
    return {
      state: 'usage-error',
      name: unknown,
      known: [...drills.map(({ alert }) => alert), ...new Set(drills.map(({ requirement }) => requirement))],
    }
  if (names.length === 0) return { state: 'ok', drills }
  return { state: 'ok', drills: drills.filter((drill) => names.some((name) => isNamed(drill, name))) }
}

function isNamed({ alert, requirement }: Drill, name: string): boolean {
  return alert.toLowerCase() === name.toLowerCase() || requirement.toLowerCase() === name.toLowerCase()
}
