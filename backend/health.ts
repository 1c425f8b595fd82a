import { z } from 'zod'
import { sql } from './db/drizzle.ts'
import { tasks, users } from './db/schema.ts'
import { statement } from './db/statement.ts'
import { endpoint } from './http/index.ts'
import type { Endpoint } from './http/index.ts'

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

/** Each check has this long, both run at once. */
const checkMs = 2000

export interface Readiness {
  database: boolean
  auth: boolean
}

/** What readiness depends on. */
export interface ReadinessSources {
  /** Resolves when the tables that requests need can be read. */
  database: () => Promise<void>
  /** Resolves when access tokens can be signed and verified. */
  auth: () => Promise<void>
  /** Whether the service is about to end. */
  draining: () => boolean
}

export async function readiness(sources: ReadinessSources): Promise<Readiness> {
  const [database, auth] = await Promise.all([passes(sources.database), passes(sources.auth)])
  return { database, auth }
}

async function passes(check: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), checkMs)
  })
  const passed = check().then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([passed, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Reads a row of each table that most requests need: that a connection opens says little while the tables are locked or
 * every connection is taken.
 */
export const touchTables = statement<unknown>('health.ready', (db) =>
  db
    .select({ user: sql`(select 1 from ${users} limit 1)`, task: sql`(select 1 from ${tasks} limit 1)` })
    .from(sql`(select 1) as one`)
    .prepare('health_ready'),
)
