import { Hono } from 'hono'
import { z } from 'zod'
import { answer, describeGroup, jsonBody, Problem } from '../http/index.ts'
import type { App, AppEnv } from '../http/index.ts'
import { requireBearer } from '../observability/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import type { Faults } from './faults.ts'
import { faultSet, rule } from './rules.ts'
import type { Rule } from './rules.ts'

export interface FaultRouteDependencies {
  faults: Faults
  token: string
  events: Events
  metrics: Metrics
  /** Wall clock, for labels. */
  now: () => number
  /** Lists the served routes, such as `GET /tasks/:id`. */
  listRoutes: () => readonly string[]
}

export const faultsPath = '/_faults'

const stateSchema = z
  .object({
    rules: z.array(rule),
    expiresAt: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'By the wall clock; `expiresInSeconds` is authoritative' }),
    expiresInSeconds: z.number(),
  })
  .meta({ examples: [{ rules: [], expiresAt: null, expiresInSeconds: 0 }] })

const describe = describeGroup('Operations')
const getFaults = describe('getFaults', 'List the active faults', {
  200: answer('The active rules; none if no fault is active', stateSchema),
})
const setFaults = describe('setFaults', 'Replace the active faults', {
  200: answer('The active rules', stateSchema),
})
const clearFaults = describe('clearFaults', 'End all faults', { 204: answer('No fault is active') })

/**
 * Activates and ends faults, for callers with FAULTS_TOKEN as bearer token. No rate limit: its count is in
 * the database, which a fault may have made unavailable.
 */
export function faultRoutes(dependencies: FaultRouteDependencies): App {
  const { faults, events, now } = dependencies
  const guard = requireBearer(dependencies.token, dependencies)
  const state = () => {
    const { rules, leftMs } = faults.state()
    return {
      rules,
      expiresAt: leftMs === 0 ? null : new Date(now() + leftMs).toISOString(),
      expiresInSeconds: Math.ceil(leftMs) / 1000,
    }
  }
  return new Hono<AppEnv>()
    .get(faultsPath, getFaults, guard, (c) => c.json(state()))
    .put(faultsPath, setFaults, guard, jsonBody(faultSet, 65_536), (c) => {
      const { rules, ttlSeconds } = c.req.valid('json')
      requireServed(rules, dependencies.listRoutes())
      faults.set(rules, ttlSeconds)
      const active = state()
      const { expiresAt } = active
      events.security('faults.changed', c.get('scope'), { change: 'set', ttlSeconds, expiresAt, rules })
      return c.json(active)
    })
    .delete(faultsPath, clearFaults, guard, (c) => {
      faults.clear()
      events.security('faults.changed', c.get('scope'), { change: 'cleared' })
      return c.body(null, 204)
    })
}

// A rule for an unknown route would have no effect, and one for this route could not be ended.
function requireServed(rules: readonly Rule[], routes: readonly string[]): void {
  const served = routes.filter((route) => !route.endsWith(faultsPath))
  const known = new Set(served.flatMap((route) => [route, route.slice(route.indexOf(' ') + 1)]))
  const some = served.slice(0, 40).join(', ')
  const message = `expected a served route other than ${faultsPath}, such as ${some}`
  const errors = rules.flatMap(({ route }, index) =>
    route === undefined || known.has(route) ? [] : [{ at: `body.rules.${index}.route`, message }],
  )
  if (errors.length > 0)
    throw new Problem('invalid', { detail: 'Some rules name routes that are not served', errors })
}
