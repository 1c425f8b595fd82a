import {
  AccessTokens,
  authRoutes,
  AuthService,
  createSessionCheck,
  loadSigningSecret,
  Passwords,
  createGuards,
} from './auth/index.ts'
import { Revocations } from './auth/revocations.ts'
import { ReplyCache } from './cache/cache.ts'
import type { Config } from './config/config.ts'
import {
  createBackgroundScope,
  Database,
  DatabaseUnavailable,
  migrate,
  translateDatabaseError,
} from './db/index.ts'
import { docsPaths, docsRoutes } from './docs/index.ts'
import { Faults, faultRoutes, faultsPath } from './faults/index.ts'
import { readTables } from './health.ts'
import { createApp, listRoutes } from './http/index.ts'
import type { App, AppOptions } from './http/index.ts'
import { JobQueue } from './jobs.ts'
import { Limits } from './limits/limits.ts'
import { Presence } from './observability/index.ts'
import type { Events, Log, Metrics, Tracing } from './observability/index.ts'
import { taskRoutes, TaskService } from './tasks/index.ts'
import { ExportService, ImportService, startHousekeeping, transferRoutes } from './transfers/index.ts'

/** The features on a migrated database. */
export type Application = Awaited<ReturnType<typeof startApplication>>

export interface ApplicationDependencies {
  config: Config
  url: string
  log: Log
  metrics: Metrics
  events: Events
  tracing?: Tracing | undefined
  /** Health and metrics, which are served before the application has started. */
  operations: App
  appOptions: AppOptions
  isStopping: () => boolean
}

/** What the features share. */
type Infrastructure = Awaited<ReturnType<typeof openInfrastructure>>

/** Migrates, connects and builds the routes. Waits for a database that does not answer yet. */
export async function startApplication(dependencies: ApplicationDependencies) {
  await migrateWithRetry(dependencies)
  const infrastructure = await openInfrastructure(dependencies)
  const { database, faults, tokens, revocations, limits } = infrastructure
  const { app, jobs } = startFeatures(dependencies, infrastructure)
  const housekeeping = startHousekeeping(database)
  return {
    app,
    /** Resolves if the tables can be read and the job queue, which is in the same database, could start. */
    checkDatabase: async () => {
      await Promise.all([database.run(createBackgroundScope(2000), readTables, {}), jobs.check()])
    },
    checkAuth: () => tokens.check(),
    /** Ends all faults; delayed requests continue. */
    endFaults: () => faults?.clear(),
    stop: async () => {
      limits.stop()
      housekeeping.stop()
      revocations.stop()
      await jobs.stop(1500)
      await database.close(1000)
    },
  }
}

async function openInfrastructure(dependencies: ApplicationDependencies) {
  const { config, metrics, events } = dependencies
  const now = Date.now
  const faults = openFaults(dependencies)
  const database = await openDatabase(dependencies, faults)
  const secret = await loadSigningSecret(database, config.authSecret)
  const tokens = new AccessTokens(secret, now, createSessionCheck(database), () => faults?.beforeAuth())
  await database.openAllConnections()
  const cache = new ReplyCache({
    maxEntries: config.cacheEntries,
    now: () => performance.now(),
    isEnabled: () => faults?.isDatabaseDown !== true,
  })
  const revocations = new Revocations(database, (ids) => tokens.revoke(ids))
  const limits = new Limits({
    database,
    metrics,
    events,
    now,
    perMinute: { user: config.rateLimitPerMinute, auth: config.authRateLimitPerMinute },
    isSwitchedOff: () => faults?.rateLimitOff ?? false,
  })
  await limits.reportChanges()
  const presence = new Presence(metrics, events, now)
  return { database, faults, tokens, cache, revocations, presence, limits }
}

/** The services and their routes. Jobs start in the background. */
function startFeatures(dependencies: ApplicationDependencies, infrastructure: Infrastructure) {
  const { database, faults, tokens, cache, revocations, presence } = infrastructure
  const { config, metrics, events, operations, appOptions } = dependencies
  const shared = { database, metrics, events, now: Date.now }
  const auth = new AuthService({
    ...shared,
    tokens,
    passwords: new Passwords(),
    announceRevoked: (id) => revocations.announce(id),
    noteFailedAttempt: (scope) => presence.noteFailedAttempt(scope),
  })
  const tasks = new TaskService({ ...shared, cache })
  const jobs = new JobQueue(dependencies)
  const exports = new ExportService({ ...shared, jobs })
  const imports = new ImportService({ ...shared, jobs, onWrite: (userId) => cache.invalidate(userId) })
  jobs.start({ export: exports, import: imports })
  const noteFeatureUse = presence.noteFeatureUse.bind(presence)
  const guards = createGuards({ ...dependencies, ...infrastructure })
  const app = createApp({ ...appOptions, beforeRequest: faults && ((scope) => faults.beforeRequest(scope)) })
    .route('/', operations)
    .route('/', authRoutes(auth, guards))
    .route('/', taskRoutes({ tasks, guards, metrics, noteFeatureUse }))
    .route('/', transferRoutes({ exports, imports, guards, events, noteFeatureUse }))
  if (faults !== undefined && config.faultsToken !== undefined)
    app.route(
      '/',
      faultRoutes({ ...shared, faults, token: config.faultsToken, listRoutes: () => listRoutes(app) }),
    )
  if (config.docs) app.route('/', docsRoutes(app))
  return { app, jobs }
}

/** Routes of operations are exempt, so that no drill locks out its operator. */
function openFaults({ config, events, operations }: ApplicationDependencies): Faults | undefined {
  if (config.faultsToken === undefined) return undefined
  return new Faults({
    now: () => performance.now(),
    random: Math.random,
    operationRoutes: new Set([...operations.routes.map(({ path }) => path), faultsPath, ...docsPaths]),
    onChange: (change) => {
      if (change === 'expired') events.security('faults.changed', undefined, { change })
    },
  })
}

async function migrateWithRetry({ url, log, isStopping }: ApplicationDependencies): Promise<void> {
  for (;;) {
    try {
      await migrate(url)
      return
    } catch (error) {
      const translated = translateDatabaseError(error)
      if (!(translated instanceof DatabaseUnavailable) || isStopping()) throw translated
      log.error(
        { stream: 'error', error: { message: translated.message } },
        'the database does not answer yet',
      )
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

async function openDatabase(
  { config, url, metrics, log }: ApplicationDependencies,
  faults: Faults | undefined,
): Promise<Database> {
  const database = await Database.open(url, config.databasePool, {
    queryDone: (query, seconds) => metrics.dbSeconds.observe({ query }, seconds),
    connectionError: () => metrics.dbErrors.inc(),
    beforeQuery: faults === undefined ? undefined : (name) => faults.beforeQuery(name),
    stateChanged: (isUp) =>
      log[isUp ? 'info' : 'error'](
        { stream: isUp ? 'application' : 'error' },
        isUp ? 'the database answers again' : 'the database does not answer',
      ),
  })
  metrics.observe({ pool: () => database.poolState })
  return database
}
