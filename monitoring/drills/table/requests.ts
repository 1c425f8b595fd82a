import type { Drill } from './drill.ts'
import { critical, high, management, medium, secondary } from './destinations.ts'
import { defineDrill, failRequests, slowDownLists, actAtRate } from './builders.ts'

/** Response times and error rates. */
export const requestDrills: readonly Drill[] = [
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
    fault: 'one request in four is answered 500',
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
    fault: 'one request in twelve is answered 500',
    exclusive: ['errors'],
    // Between its limit of 5 % and the 10 % of APIUnavailable, also while another drill sends a hundred requests at once.
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
    fault: 'one request in thirty is answered 500',
    exclusive: ['errors'],
    injectFault: failRequests(1.3),
    to: high,
    inhibits: ['APIErrorBudgetBurning'],
  }),
  defineDrill({
    requirement: 'D2',
    alert: 'APIErrorBudgetBurning',
    fault: 'one request in ninety is answered 500',
    exclusive: ['errors'],
    injectFault: failRequests(0.45),
    to: medium,
  }),
  defineDrill({
    requirement: 'D5',
    alert: 'TrafficUnusual',
    fault: 'four times as many requests as at this hour of the days before',
    standIn: 'the days before are written into Prometheus: a week takes 2.8 hours on the drill’s clock',
    exclusive: ['latency', 'errors'],
    injectFault: actAtRate(100, async ({ traffic }, count) =>
      traffic.send({ method: 'GET', path: '/tasks', user: count }),
    ),
    to: medium,
  }),
]
