import type { Drill } from './drill.ts'
import { maintenance, reports } from './destinations.ts'
import { defineDrill } from './builders.ts'
import { openMaintenanceWindow } from './window.ts'

const hours = 60 * 60_000

/** What is told once a day or a week, and maintenance. */
export const noticeDrills: readonly Drill[] = [
  defineDrill({
    requirement: 'L1',
    alert: 'NewRegistrations',
    fault: 'eight people register',
    exclusive: ['growth'],
    injectFault: async ({ traffic }) => {
      for (let count = 0; count < 8; count += 1) await traffic.register(`new${count}`)
      return async () => undefined
    },
    to: reports,
    stays: 'a day is 24 minutes on the drill’s clock',
  }),
  defineDrill({
    requirement: 'L2',
    alert: 'UsageTrend',
    fault: 'half as many requests again as in the week before',
    standIn: 'both weeks are written into Prometheus: a week takes 2.8 hours on the drill’s clock',
    exclusive: [],
    injectFault: async () => async () => undefined,
    to: reports,
    limits: { firesMs: 1.5 * hours },
    stays: 'a week is 2.8 hours on the drill’s clock',
  }),
  defineDrill({
    requirement: 'L3',
    alert: 'FeatureAdoption',
    fault: 'twenty people use the service, three of them export',
    exclusive: [],
    injectFault: async ({ traffic }) => {
      for (let user = 0; user < 3; user += 1)
        await traffic.send({ method: 'POST', path: '/exports', json: { format: 'json' }, user })
      return async () => undefined
    },
    to: reports,
    limits: { firesMs: 1.5 * hours },
    stays: 'people count as active for 24 hours of the wall clock',
  }),
  defineDrill({
    requirement: 'L4',
    alert: 'MaintenanceWindow',
    fault: 'a maintenance window begins, and one request in four is answered 500',
    exclusive: ['*'],
    injectFault: openMaintenanceWindow,
    to: maintenance,
    mutes: ['APIUnavailable', 'APIHighErrorRate', 'APIErrorRateElevated', 'APIErrorBudgetBurning'],
    mayAlsoFire: ['ProbeDown'],
  }),
]
