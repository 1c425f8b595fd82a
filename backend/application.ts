import type { Hono } from 'hono'
import {
  AccessTokens,
  authEndpoints,
  AuthService,
  Passwords,
  recallRevoked,
  signingSecret,
} from './auth/index.ts'
import { Channel, ReplyCache } from './cache/index.ts'
import type { Config } from './config/index.ts'
import {
  backgroundScope,
  Database,
  DatabaseUnavailable,
  migrate,
  touchTables,
  translateDatabaseError,
} from './db/index.ts'
import { docsEndpoints, docsPaths } from './docs/index.ts'
import { faultEndpoints, Faults, faultsPath } from './faults/index.ts'
import { guardRequests } from './guards.ts'
import { createApp, Problem } from './http/index.ts'
import type { Bindings, Endpoint } from './http/index.ts'
import type { JobHandler, JobQueue } from './jobs.ts'
import { Limits } from './limits/index.ts'
import { Presence } from './observability/index.ts'
import type { Events, Log, Metrics, Tracing } from './observability/index.ts'
import { taskEndpoints, TaskService } from './tasks/index.ts'
import { ExportService, ImportService, startHousekeeping, buildTransferEndpoints } from './transfers/index.ts'

/** The features on a migrated database. */
export interface Application {
  app: Hono<{ Bindings: Bindings }>
  /** Resolves when the tables can be read. */
  databaseAnswers(): Promise<void>
  /** Resolves when tokens can be signed and verified. */
  authWorks(): Promise<void>
  /** Whoever is held up by a fault goes on. */
  endFaults(): void
  stop(): Promise<void>
}

export interface ApplicationParts {
  config: Config
  url: string
  log: Log
  metrics: Metrics
  events: Events
  tracing?: Tracing | undefined
  /** Health and metrics, which are there before the application is. */
  operations: readonly Endpoint[]
  stopping: () => boolean
}

/** How long a request waits for the job queue to start; below any request's own limit. */
const queueStartMs = 3000

/** Migrates, connects and builds the routes. Waits for a database that is not there yet. */
export async function startApplication(parts: ApplicationParts): Promise<Application> {
  const { config, metrics, events } = parts
  const now = Date.now
  await migrateWhenThere(parts)
  const faults = openFaults(parts, () => decide())
  const database = openDatabase(parts, faults)
  const tokens = new AccessTokens(await signingSecret(database, config.authSecret), now, () =>
    faults?.beforeAuth(),
  )
  const presence = new Presence(metrics, events, now)
  const recall = (): Promise<void> => recallRevoked(database, tokens, now())
  await Promise.all([recall(), database.fill()])
  const { cache, channel, decide } = openCache(parts, tokens, faults, recall)
  const perMinute = { user: config.rateLimitPerMinute, auth: config.authRateLimitPerMinute }
  const limits = new Limits({
    database,
    metrics,
    events,
    now,
    perMinute,
    switchedOff: () => faults?.rateLimitOff ?? false,
  })
  await limits.reportChanges()
  const announceRevoked = (id: string): void => channel.announceRevoked(id)
  const attemptFailed = presence.attemptFailed.bind(presence)
  const auth = new AuthService({
    database,
    tokens,
    passwords: new Passwords(),
    metrics,
    events,
    now,
    announceRevoked,
    attemptFailed,
  })
  const tasks = new TaskService({
    database,
    metrics,
    events,
    now,
    cache,
    announceWrite: (userId) => channel.announceWrite(userId),
  })
  const featureUsed = presence.featureUsed.bind(presence)
  const wrote = (userId: string): void => {
    cache.invalidate(userId)
    channel.announceWrite(userId)
  }
  let jobs: JobQueue | undefined
  // Ready is said before the queue has started, which is soon after: whoever comes in between is kept waiting, not refused.
  const requireJobs = async (): Promise<JobQueue> => {
    if (jobs === undefined)
      await Promise.race([starting, new Promise((resolve) => setTimeout(resolve, queueStartMs).unref())])
    if (jobs === undefined)
      throw new Problem('unavailable', {
        detail: 'The job queue is starting',
        headers: { 'retry-after': '1' },
      })
    return jobs
  }
  const transfers = { database, metrics, events, now, onWrite: wrote, jobs: requireJobs }
  const exports = new ExportService(transfers)
  const imports = new ImportService(transfers)
  const starting = (async (): Promise<void> => {
    jobs = await startJobs(parts, { export: exports, import: imports })
  })()
  const house = startHousekeeping(database, now)
  const served = (): string[] => endpoints.map(({ spec }) => `${spec.method} ${spec.path}`)
  const endpoints: Endpoint[] = [
    ...parts.operations,
    ...(faults === undefined || config.faultsToken === undefined
      ? []
      : faultEndpoints({ faults, token: config.faultsToken, events, metrics, now, served })),
    ...authEndpoints(auth),
    ...taskEndpoints(tasks, { metrics, events, featureUsed }),
    ...buildTransferEndpoints({ exports, imports, events, noteFeatureUse: featureUsed }),
  ]
  return {
    app: createApp(
      config.docs ? [...endpoints, ...docsEndpoints(endpoints)] : endpoints,
      guardRequests({ config, metrics, events, tokens, limits, presence, faults }),
    ),
    databaseAnswers: async () => {
      await database.run(backgroundScope(2000), touchTables, {})
    },
    authWorks: () => tokens.check(),
    endFaults: () => faults?.clear(),
    stop: async () => {
      limits.stop()
      house.stop()
      await starting
      await jobs?.stop(1500).catch(() => undefined)
      await Promise.all([channel.stop(), database.close(1000)])
    },
  }
}

/** The cache, and the channel that keeps it true. It answers while it hears of writes, and no fault says that there is no database. */
function openCache(
  { config, url }: ApplicationParts,
  tokens: AccessTokens,
  faults: Faults | undefined,
  recall: () => Promise<void>,
): { cache: ReplyCache; channel: Channel; decide: () => void } {
  const cache = new ReplyCache(config.cacheEntries, () => performance.now())
  let hearing = false
  const decide = (): void => cache.setEnabled(hearing && faults?.databaseDown !== true)
  const channel = new Channel(url, {
    wrote: (users) => users.forEach((user) => cache.invalidate(user)),
    wroteMany: () => cache.invalidateAll(),
    revoked: (ids) => ids.forEach((id) => tokens.revoke(id)),
    hearing: (hears) => {
      hearing = hears
      decide()
      // Should the database not answer now, we shall not hear for long either, and ask again once we do.
      if (hears) recall().catch(() => undefined)
    },
  })
  return { cache, channel, decide }
}

/** `changed` is told when faults begin or end. They spare the routes of operations: nobody may be locked out by a drill. */
function openFaults(
  { config, events, operations }: ApplicationParts,
  changed: () => void,
): Faults | undefined {
  if (config.faultsToken === undefined) return undefined
  return new Faults({
    now: () => performance.now(),
    random: Math.random,
    operating: new Set([...operations.map(({ spec }) => spec.path), faultsPath, ...docsPaths]),
    changed: (change) => {
      changed()
      if (change === 'expired') events.security('faults.changed', undefined, { change })
    },
  })
}

/** In the background: requests can be served before jobs can be done. */
async function startJobs(
  { url, metrics, log, tracing, stopping }: ApplicationParts,
  handlers: Readonly<Record<string, JobHandler>>,
): Promise<JobQueue | undefined> {
  const { JobQueue: Queue } = await import('./jobs.ts')
  while (!stopping()) {
    const queue = new Queue({ url, metrics, log, tracing }, handlers)
    try {
      await queue.start()
      return queue
    } catch (error) {
      log.error(
        { stream: 'error', error: { message: error instanceof Error ? error.message : String(error) } },
        'the job queue cannot start yet',
      )
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
      log.error(
        { stream: 'error', error: { message: translated.message } },
        'the database does not answer yet',
      )
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

function openDatabase({ config, url, metrics, log }: ApplicationParts, faults: Faults | undefined): Database {
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
    beforeQuery: faults === undefined ? undefined : () => faults.beforeQuery(),
    stateChanged: (up) =>
      log[up ? 'info' : 'error'](
        { stream: up ? 'application' : 'error' },
        up ? 'the database answers again' : 'the database does not answer',
      ),
  })
  metrics.observePool(() => ({
    inUse: database.gate.taken,
    places: database.gate.places,
    waiting: database.gate.waiting,
  }))
  return database
}
