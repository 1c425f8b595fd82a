import { z } from 'zod'
import { endpoint, Problem } from '../http/index.ts'
import type { Endpoint, Flaw } from '../http/index.ts'
import { requireBearer } from '../observability/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import type { Faults } from './faults.ts'
import { faultSet, rule } from './rules.ts'
import type { Rule } from './rules.ts'

export interface FaultRouteParts {
  faults: Faults
  token: string
  events: Events
  metrics: Metrics
  /** Wall clock, for labels. */
  now: () => number
  /** What is served, as in `GET /tasks/:id`. */
  served: () => readonly string[]
}

export const faultsPath = '/_faults'

const stateSchema = z.object({
  rules: z.array(rule),
  expiresAt: z.iso
    .datetime()
    .nullable()
    .meta({ description: 'By the wall clock; what counts is `expiresInSeconds`' }),
  expiresInSeconds: z.number(),
})

/** Switches faults on and off, for whoever has FAULTS_TOKEN as bearer. Not there at all without that variable. */
export function faultEndpoints(parts: FaultRouteParts): Endpoint[] {
  const { faults, events, now } = parts
  // No rate limit: its count is in the database, which may be what is to be had back.
  const shared = {
    path: faultsPath,
    tag: 'Operations',
    access: 'guarded',
    guard: requireBearer(parts.token, parts),
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
    endpoint({
      ...shared,
      method: 'GET',
      id: 'getFaults',
      summary: 'The faults that are switched on',
      answers: { 200: { description: 'What is on; no rules when nothing is', schema: stateSchema } },
      handle: () => ({ status: 200, json: state() }),
    }),
    endpoint({
      ...shared,
      method: 'PUT',
      id: 'setFaults',
      summary: 'Switch faults on, in place of those that are on',
      body: { schema: faultSet, maxBytes: 65_536 },
      answers: { 200: { description: 'What is on now', schema: stateSchema } },
      handle: ({ scope, body }) => {
        requireServed(body.rules, parts.served())
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
    endpoint({
      ...shared,
      method: 'DELETE',
      id: 'clearFaults',
      summary: 'Switch all faults off',
      answers: { 204: { description: 'Nothing is on' } },
      handle: ({ scope }) => {
        faults.clear()
        events.security('faults.changed', scope, { change: 'cleared' })
        return { status: 204 }
      },
    }),
  ]
}

// A rule for a route that is not there would look like a fault without effect.
function requireServed(rules: readonly Rule[], served: readonly string[]): void {
  const known = new Set(served.flatMap((one) => [one, one.slice(one.indexOf(' ') + 1)]))
  const errors = rules.flatMap(({ route }, index): Flaw[] => {
    const at = `body.rules.${index}.route`
    if (route === undefined) return []
    if (route.endsWith(faultsPath))
      return [{ at, message: `expected a route other than ${faultsPath}: nobody could switch it off` }]
    return known.has(route)
      ? []
      : [{ at, message: `expected a route as served, such as ${served.slice(0, 40).join(', ')}` }]
  })
  if (errors.length > 0)
    throw new Problem('invalid', { detail: 'Some rules are for routes that are not served', errors })
}
