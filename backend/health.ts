import { setTimeout } from 'node:timers/promises'
import { Hono } from 'hono'
import { z } from 'zod'
import { sql } from './db/drizzle.ts'
import { tasks, users } from './db/schema.ts'
import { defineStatement } from './db/statement.ts'
import { answer, describeGroup } from './http/index.ts'
import type { App, AppEnv } from './http/index.ts'

const services = z.object({ database: z.boolean(), auth: z.boolean() })
const health = z
  .object({ status: z.literal('healthy'), timestamp: z.iso.datetime() })
  .meta({ examples: [{ status: 'healthy', timestamp: '2027-01-30T18:00:00.000Z' }] })
const readiness = z
  .object({ status: z.enum(['ready', 'unavailable']), services })
  .meta({ examples: [{ status: 'ready', services: { database: true, auth: true } }] })

const describe = describeGroup('Operations')
const getHealth = describe('getHealth', 'Check whether the process is alive', {
  200: answer('The process is alive', health),
})
const getReadiness = describe('getReadiness', 'Check whether requests can be served', {
  200: answer('Ready', readiness),
  503: answer('Not ready; the failing service is false', readiness, {
    headers: { 'Retry-After': 'Seconds' },
  }),
})

/** Liveness and readiness. Liveness checks only the process, because a restart does not repair a database. */
export function healthRoutes(sources: ReadinessChecks): App {
  return new Hono<AppEnv>()
    .get('/health', getHealth, (c) => c.json({ status: 'healthy', timestamp: new Date().toISOString() }))
    .get('/health/ready', getReadiness, async (c) => {
      const [database, auth] = await Promise.all([passes(sources.database), passes(sources.auth)])
      const found = { database, auth }
      if (database && auth && !sources.isDraining()) return c.json({ status: 'ready', services: found })
      return c.json({ status: 'unavailable', services: found }, 503, { 'retry-after': '2' })
    })
}

/** The time limit of each check. Both run at the same time. */
const checkMs = 2000

/** The checks that readiness depends on. */
export interface ReadinessChecks {
  /** Resolves if the tables that requests need can be read. */
  database: () => Promise<void>
  /** Resolves if access tokens can be signed and verified. */
  auth: () => Promise<void>
  /** Whether the service is about to end. */
  isDraining: () => boolean
}

async function passes(check: () => Promise<void>): Promise<boolean> {
  const isLate = setTimeout(checkMs, false, { ref: false })
  const passed = check().then(
    () => true,
    () => false,
  )
  return Promise.race([passed, isLate])
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
