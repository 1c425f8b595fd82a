import { z } from 'zod'
import { sql } from './db/drizzle.ts'
import { tasks, users } from './db/schema.ts'
import { defineStatement } from './db/statement.ts'
import { defineEndpoint } from './http/index.ts'
import type { Endpoint } from './http/index.ts'

const services = z.object({ database: z.boolean(), auth: z.boolean() })
const readySchema = z.object({ status: z.enum(['ready', 'unavailable']), services })

const shared = { tag: 'Operations', access: 'open', limit: 'none', method: 'GET' } as const

const liveness = defineEndpoint({
  ...shared,
  path: '/health',
  id: 'getHealth',
  summary: 'Check whether the process is alive',
  answers: {
    200: {
      description: 'The process is alive',
      schema: z.object({ status: z.literal('healthy'), timestamp: z.iso.datetime() }),
    },
  },
  handle: () => ({ status: 200, json: { status: 'healthy', timestamp: new Date().toISOString() } }),
})

/** Liveness and readiness. Liveness checks only the process, because a restart does not repair a database. */
export function buildHealthEndpoints(sources: ReadinessChecks): Endpoint[] {
  return [
    liveness,
    defineEndpoint({
      ...shared,
      path: '/health/ready',
      id: 'getReadiness',
      summary: 'Check whether requests can be served',
      answers: {
        200: { description: 'Ready', schema: readySchema },
        503: {
          description: 'Not ready; the failing service is false',
          schema: readySchema,
          headers: { 'Retry-After': 'Seconds' },
        },
      },
      handle: async () => {
        const found = await checkReadiness(sources)
        return isReady(found) && !sources.isDraining()
          ? { status: 200, json: { status: 'ready', services: found } }
          : { status: 503, json: { status: 'unavailable', services: found }, headers: { 'retry-after': '2' } }
      },
    }),
  ]
}

function isReady(found: Readiness): boolean {
  return found.database && found.auth
}

/** The time limit of each check. Both run at the same time. */
const checkMs = 2000

export interface Readiness {
  database: boolean
  auth: boolean
}

/** The checks that readiness depends on. */
export interface ReadinessChecks {
  /** Resolves if the tables that requests need can be read. */
  database: () => Promise<void>
  /** Resolves if access tokens can be signed and verified. */
  auth: () => Promise<void>
  /** Whether the service is about to end. */
  isDraining: () => boolean
}

export async function checkReadiness(sources: ReadinessChecks): Promise<Readiness> {
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
 * Reads a row of each table that most requests need. An open connection is no proof of readiness while tables
 * are locked or all connections are in use.
 */
export const readTables = defineStatement('health.ready', (db) =>
  db
    .select({ user: sql`(select 1 from ${users} limit 1)`, task: sql`(select 1 from ${tasks} limit 1)` })
    .from(sql`(select 1) as one`),
)
