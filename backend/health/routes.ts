import { z } from 'zod'
import { endpoint } from '../http/index.ts'
import type { Endpoint } from '../http/index.ts'
import { readiness } from './readiness.ts'
import type { Readiness, ReadinessSources } from './readiness.ts'

const services = z.object({ database: z.boolean(), auth: z.boolean() })
const readySchema = z.object({ status: z.enum(['ready', 'unavailable']), services })

/** Liveness and readiness. Liveness looks at nothing but the process: a restart does not mend a database. */
export function healthEndpoints(sources: ReadinessSources): Endpoint[] {
  const shared = { tag: 'Operations', access: 'open', limit: 'none', method: 'GET' } as const
  return [
    endpoint({
      ...shared,
      path: '/health',
      id: 'getHealth',
      summary: 'Whether the process is alive',
      answers: {
        200: {
          description: 'It is',
          schema: z.object({ status: z.literal('healthy'), timestamp: z.iso.datetime() }),
        },
      },
      handle: () => ({ status: 200, json: { status: 'healthy', timestamp: new Date().toISOString() } }),
    }),
    endpoint({
      ...shared,
      path: '/health/ready',
      id: 'getReadiness',
      summary: 'Whether requests can be served',
      answers: {
        200: { description: 'Ready', schema: readySchema },
        503: {
          description: 'Not ready; the failing service is false',
          schema: readySchema,
          headers: { 'Retry-After': 'Seconds' },
        },
      },
      handle: async () => {
        const found = await readiness(sources)
        return isReady(found) && !sources.draining()
          ? { status: 200, json: { status: 'ready', services: found } }
          : { status: 503, json: { status: 'unavailable', services: found }, headers: { 'retry-after': '2' } }
      },
    }),
  ]
}

function isReady(found: Readiness): boolean {
  return found.database && found.auth
}
