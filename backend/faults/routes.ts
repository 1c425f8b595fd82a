import { z } from 'zod'
import { defineEndpoint, Problem } from '../http/index.ts'
import type { Endpoint, InvalidField } from '../http/index.ts'
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

const stateSchema = z.object({
  rules: z.array(rule),
  expiresAt: z.iso
    .datetime()
    .nullable()
    .meta({ description: 'By the wall clock; `expiresInSeconds` is authoritative' }),
  expiresInSeconds: z.number(),
})

/**
 * Activates and ends faults, for callers with FAULTS_TOKEN as bearer token. Not served without that variable.
 */
export function buildFaultEndpoints(dependencies: FaultRouteDependencies): Endpoint[] {
  const { faults, events, now } = dependencies
  // No rate limit: its count is in the database, which a fault may have made unavailable.
  const shared = {
    path: faultsPath,
    tag: 'Operations',
    access: 'guarded',
    guard: requireBearer(dependencies.token, dependencies),
    limit: 'none',
  } as const
  const state = () => {
    const { rules, leftMs } = faults.state()
    return {
      rules,
      expiresAt: leftMs === 0 ? null : new Date(now() + leftMs).toISOString(),
      expiresInSeconds: Math.ceil(leftMs) / 1000,
    }
  }
  return [
    defineEndpoint({
      ...shared,
      method: 'GET',
      id: 'getFaults',
      summary: 'List the active faults',
      answers: { 200: { description: 'The active rules; none if no fault is active', schema: stateSchema } },
      handle: () => ({ status: 200, json: state() }),
    }),
    defineEndpoint({
      ...shared,
      method: 'PUT',
      id: 'setFaults',
      summary: 'Replace the active faults',
      body: { schema: faultSet, maxBytes: 65_536 },
      answers: { 200: { description: 'The active rules', schema: stateSchema } },
      handle: ({ scope, body }) => {
        requireServed(body.rules, dependencies.listRoutes())
        faults.set(body.rules, body.ttlSeconds)
        const on = state()
        events.security('faults.changed', scope, {
          change: 'set',
          ttlSeconds: body.ttlSeconds,
          expiresAt: on.expiresAt,
          rules: on.rules,
        })
        return { status: 200, json: on }
      },
    }),
    defineEndpoint({
      ...shared,
      method: 'DELETE',
      id: 'clearFaults',
      summary: 'End all faults',
      answers: { 204: { description: 'No fault is active' } },
      handle: ({ scope }) => {
        faults.clear()
        events.security('faults.changed', scope, { change: 'cleared' })
        return { status: 204 }
      },
    }),
  ]
}

// A rule for an unknown route would look like a fault without effect.
function requireServed(rules: readonly Rule[], served: readonly string[]): void {
  const known = new Set(served.flatMap((one) => [one, one.slice(one.indexOf(' ') + 1)]))
  const errors = rules.flatMap(({ route }, index): InvalidField[] => {
    const at = `body.rules.${index}.route`
    if (route === undefined) return []
    if (route.endsWith(faultsPath))
      return [{ at, message: `expected a route other than ${faultsPath}: the fault could not be ended` }]
    return known.has(route)
      ? []
      : [{ at, message: `expected a served route such as ${served.slice(0, 40).join(', ')}` }]
  })
  if (errors.length > 0)
    throw new Problem('invalid', { detail: 'Some rules name routes that are not served', errors })
}
