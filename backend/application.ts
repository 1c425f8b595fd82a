import type { Hono } from 'hono'
import { AccessTokens, authEndpoints, AuthService, Passwords, signingSecret } from './auth/index.ts'
import { Channel, ReplyCache } from './cache/index.ts'
import type { Config } from './config/index.ts'
import { backgroundScope, Database, DatabaseUnavailable, migrate, touchTables, translateDatabaseError } from './db/index.ts'
import { docsEndpoints } from './docs/index.ts'
import { guardRequests } from './guards.ts'
import { type Bindings, createApp, type Endpoint, Problem } from './http/index.ts'
import type { JobHandler, JobQueue } from './jobs/index.ts'
import { Limits } from './limits/index.ts'
import { type Events, type Log, type Metrics, Presence } from './observability/index.ts'
import { taskEndpoints, TaskService } from './tasks/index.ts'
import { ExportService, ImportService, keepHouse, transferEndpoints } from './transfers/index.ts'

/** The features on a migrated database. */
export interface Application {
  app: Hono<{ Bindings: Bindings }>
  /** Resolves when the tables can be read. */
  databaseAnswers(): Promise<void>
  /** Resolves when tokens can be signed and verified. */
  authWorks(): Promise<void>
  stop(): Promise<void>
}

export interface ApplicationParts {
  config: Config
  url: string
  log: Log
  metrics: Metrics
  events: Events
  /** Health and metrics, which are there before the application is. */
  operations: readonly Endpoint[]
  stopping: () => boolean
}

/** Migrates, connects and builds the routes. Waits for a database that is not there yet. */
export async function startApplication(parts: ApplicationParts): Promise<Application> {
  const { config, url, metrics, events } = parts
  const now = Date.now
  await migrateWhenThere(parts)
  const database = openDatabase(parts)
  const tokens = new AccessTokens(await signingSecret(database, config.authSecret), now)
  const presence = new Presence(metrics, events, now)
  const cache = new ReplyCache(config.cacheEntries, now)
  const channel = new Channel(url, {
    wrote: (users) => users.forEach((user) => cache.invalidate(user)),
    revoked: (ids) => ids.forEach((id) => tokens.revoke(id)),
    hearing: (hears) => cache.setEnabled(hears),
  })
  const perMinute = { user: config.rateLimitPerMinute, auth: config.authRateLimitPerMinute }
  const limits = new Limits({ database, metrics, events, now, perMinute, switchedOff: () => false })
  await limits.reportChanges()
  const announceRevoked = (id: string): void => channel.announceRevoked(id)
  const attemptFailed = presence.attemptFailed.bind(presence)
  const auth = new AuthService({ database, tokens, passwords: new Passwords(), metrics, events, now, announceRevoked, attemptFailed })
  const tasks = new TaskService({ database, metrics, events, now, cache, announceWrite: (userId) => channel.announceWrite(userId) })
  const featureUsed = presence.featureUsed.bind(presence)
  const wrote = (userId: string): void => {
    cache.invalidate(userId)
    channel.announceWrite(userId)
  }
  let jobs: JobQueue | undefined
  const requireJobs = (): JobQueue => {
    if (jobs === undefined) throw new Problem('unavailable', { detail: 'The job queue is starting', headers: { 'retry-after': '1' } })
    return jobs
  }
  const transfers = { database, metrics, events, now, wrote, jobs: requireJobs }
  const exports = new ExportService(transfers)
  const imports = new ImportService(transfers)
  const starting = (async (): Promise<void> => {
    jobs = await startJobs(parts, { export: (id) => exports.run(id), import: (id) => imports.run(id) })
  })()
  const house = keepHouse(database, now)
  const endpoints = [
    ...parts.operations,
    ...authEndpoints(auth),
    ...taskEndpoints(tasks, { metrics, events, featureUsed }),
    ...transferEndpoints({ exports, imports, events, featureUsed }),
  ]
  return {
    app: createApp(config.docs ? [...endpoints, ...docsEndpoints(endpoints)] : endpoints, guardRequests({ config, metrics, events, tokens, limits, presence })),
    databaseAnswers: async () => {
      await database.run(backgroundScope(2000), touchTables, {})
    },
    authWorks: () => tokens.check(),
    stop: async () => {
      limits.stop()
      house.stop()
      await starting
      await jobs?.stop(1500).catch(() => undefined)
      await Promise.all([channel.stop(), database.close(1000)])
    },
  }
}

/** In the background: requests can be served before jobs can be done. */
async function startJobs({ url, metrics, log, stopping }: ApplicationParts, handlers: Readonly<Record<string, JobHandler>>): Promise<JobQueue | undefined> {
  const { JobQueue: Queue } = await import('./jobs/index.ts')
  while (!stopping()) {
    const queue = new Queue({ url, metrics, log }, handlers)
    try {
      await queue.start()
      return queue
    } catch (error) {
      log.error({ stream: 'error', error: { message: error instanceof Error ? error.message : String(error) } }, 'the job queue cannot start yet')
      await queue.stop(0).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
  return undefined
}

async function migrateWhenThere({ url, log, stopping }: ApplicationParts): Promise<void> {
  for (;;) {
    try {
      await migrate(url)
      return
    } catch (error) {
      const translated = translateDatabaseError(error)
      if (!(translated instanceof DatabaseUnavailable) || stopping()) throw translated
      log.error({ stream: 'error', error: { message: translated.message } }, 'the database does not answer yet')
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

function openDatabase({ config, url, metrics, log }: ApplicationParts): Database {
  const durations = new Map<string, (seconds: number) => void>()
  const observerOf = (name: string): ((seconds: number) => void) => {
    const histogram = metrics.dbSeconds.labels(name)
    const observe = (seconds: number): void => histogram.observe(seconds)
    durations.set(name, observe)
    return observe
  }
  const database = new Database(url, config.databasePool, {
    queryDone: (name, seconds) => (durations.get(name) ?? observerOf(name))(seconds),
    connectionError: () => metrics.dbErrors.inc(),
    stateChanged: (up) => log[up ? 'info' : 'error']({ stream: up ? 'application' : 'error' }, up ? 'the database answers again' : 'the database does not answer'),
  })
  metrics.observePool(() => ({ inUse: database.gate.taken, places: database.gate.places, waiting: database.gate.waiting }))
  return database
}
