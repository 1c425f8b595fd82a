import type { Drill } from '../run/drill.ts'
import { critical, high, management, medium, secondary } from './destinations.ts'
import { drill, failing, slow, steadily } from './making.ts'

/** Response times and error rates. */
export const requestDrills: readonly Drill[] = [
  drill({
    requirement: 'C1',
    alert: 'APIHighResponseTime',
    fault: 'three lists in ten take 6 s',
    touches: ['latency', 'held'],
    makeFault: slow(6000),
    to: critical,
    inhibits: ['APIVerySlow', 'APISlow'],
    escalations: [secondary, management],
  }),
  drill({
    requirement: 'C5',
    alert: 'APIUnavailable',
    fault: 'one request in four is answered 500',
    touches: ['errors'],
    makeFault: failing(16),
    to: critical,
    inhibits: ['APIErrorRateElevated', 'APIErrorBudgetBurning'],
    along: ['APIHighErrorRate'],
    escalations: [secondary],
  }),
  drill({
    requirement: 'C2',
    alert: 'APIHighErrorRate',
    fault: 'one request in twelve is answered 500',
    touches: ['errors'],
    // Between its limit of 5 % and the 10 % of APIUnavailable, also while another drill sends a hundred requests at once.
    makeFault: failing(3.3),
    to: critical,
    inhibits: ['APIErrorRateElevated', 'APIErrorBudgetBurning'],
    escalations: [secondary],
  }),
  drill({
    requirement: 'H1',
    alert: 'APIVerySlow',
    fault: 'three lists in ten take 3 s',
    touches: ['latency', 'held'],
    makeFault: slow(3000),
    to: high,
    inhibits: ['APISlow'],
  }),
  drill({
    requirement: 'D1',
    alert: 'APISlow',
    fault: 'three lists in ten take 1.5 s',
    touches: ['latency', 'held'],
    makeFault: slow(1500),
    to: medium,
  }),
  drill({
    requirement: 'H2',
    alert: 'APIErrorRateElevated',
    fault: 'one request in thirty is answered 500',
    touches: ['errors'],
    makeFault: failing(1.3),
    to: high,
    inhibits: ['APIErrorBudgetBurning'],
  }),
  drill({
    requirement: 'D2',
    alert: 'APIErrorBudgetBurning',
    fault: 'one request in ninety is answered 500',
    touches: ['errors'],
    makeFault: failing(0.45),
    to: medium,
  }),
  drill({
    requirement: 'D5',
    alert: 'TrafficUnusual',
    fault: 'four times as many requests as at this hour of the days before',
    standIn: 'the days before are written into Prometheus: a week takes 2.8 hours on the drill’s clock',
    touches: ['latency', 'errors'],
    makeFault: steadily(100, async ({ traffic }, count) =>
      traffic.send({ method: 'GET', path: '/tasks', user: count }),
    ),
    to: medium,
  }),
]
