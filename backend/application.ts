import { setTimeout as sleep } from 'node:timers/promises'
import {
  AccessTokens,
  authRoutes,
  AuthService,
  createGuards,
  createSessionCheck,
  loadSigningSecret,
  Revocations,
} from './auth/index.ts'
import { ReplyCache } from './cache/cache.ts'
import type { Config } from './config/config.ts'
import {
  createBackgroundScope,
  Database,
  DatabaseUnavailable,
  migrate,
  translateDatabaseError,
} from './db/index.ts'
import { docsPaths, docsRoutes } from './docs/routes.ts'
import { Faults } from './faults/faults.ts'
import { faultRoutes, faultsPath } from './faults/routes.ts'
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
  tracing: Tracing | undefined
  /** Health and metrics, which are served before the application has started. */
  operations: App
  appOptions: AppOptions
  isStopping: () => boolean
}

/** Migrates, connects and builds the routes. Waits for a database that does not answer yet. */
export async function startApplication(dependencies: ApplicationDependencies) {
  await migrateWithRetry(dependencies)
  const shared = await openShared(dependencies)
  const { database, faults, tokens, jobs } = shared
  const exports = new ExportService(shared)
  const imports = new ImportService(shared)
  jobs.start({ export: exports, import: imports })
  const stopHousekeeping = startHousekeeping(database)
  return {
    app: createRoutes(dependencies, shared, { exports, imports }),
    /** Resolves if the tables can be read and the job queue, which is in the same database, could start. */
    checkDatabase: async () => {
      await Promise.all([database.run(createBackgroundScope(2000), readTables, {}), jobs.check()])
    },
    checkAuth: () => tokens.check(),
    /** Ends all faults; delayed requests continue. */
    endFaults: () => faults?.clear(),
    stop: async () => {
      shared.limits.stop()
      stopHousekeeping()
      shared.revocations.stop()
      await jobs.stop(1500)
      await database.close(1000)
    },
  }
}

/** What the features share. */
async function openShared(dependencies: ApplicationDependencies) {
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
  const jobs = new JobQueue(dependencies)
  return { metrics, events, now, faults, database, tokens, cache, revocations, limits, presence, jobs }
}

function createRoutes(
  { config, operations, appOptions }: ApplicationDependencies,
  shared: Awaited<ReturnType<typeof openShared>>,
  transfers: { exports: ExportService; imports: ImportService },
): App {
  const { faults, presence } = shared
  const guards = createGuards(shared)
  const noteFeatureUse = presence.noteFeatureUse.bind(presence)
  const parts = { ...shared, ...transfers, guards, noteFeatureUse, tasks: new TaskService(shared) }
  const app = createApp({ ...appOptions, beforeRequest: faults && ((scope) => faults.beforeRequest(scope)) })
    .route('/', operations)
    .route('/', authRoutes(new AuthService(shared), guards))
    .route('/', taskRoutes(parts))
    .route('/', transferRoutes(parts))
  const token = config.faultsToken
  if (faults !== undefined && token !== undefined)
    app.route('/', faultRoutes({ ...shared, faults, token, listRoutes: () => listRoutes(app) }))
  if (config.docs) app.route('/', docsRoutes(app))
  return app
}

/** Routes of operations are exempt, so that no drill locks out its operator. */
function openFaults({ config, events, operations }: ApplicationDependencies): Faults | undefined {
  if (config.faultsToken === undefined) return undefined
  return new Faults({
    now: () => performance.now(),
    random: Math.random,
    operationRoutes: new Set([...operations.routes.map(({ path }) => path), faultsPath, ...docsPaths]),
    onExpired: () => events.security('faults.changed', undefined, { change: 'expired' }),
  })
}

async function migrateWithRetry({ url, log, isStopping }: ApplicationDependencies): Promise<void> {
  for (;;) {
    try {
      await migrate(url)
      return
    } catch (thrown) {
      const error = translateDatabaseError(thrown)
      if (!(error instanceof DatabaseUnavailable) || isStopping()) throw error
      log.error({ stream: 'error', error: { message: error.message } }, 'the database does not answer yet')
      await sleep(1000)
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
    beforeQuery: faults && ((name) => faults.beforeQuery(name)),
    stateChanged: (isUp) => {
      if (isUp) log.info({ stream: 'application' }, 'the database answers again')
      else log.error({ stream: 'error' }, 'the database does not answer')
    },
  })
  metrics.observe({ pool: () => database.poolState })
  return database
}
