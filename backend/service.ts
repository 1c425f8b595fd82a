import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Application } from './application.ts'
import type { Config } from './config/config.ts'
import { startEmbeddedPostgres } from './db/embedded/server.ts'
import type { EmbeddedPostgres } from './db/embedded/server.ts'
import { healthRoutes } from './health.ts'
import { createApp, createHttpServer, drain, Problem } from './http/index.ts'
import type { App, AppOptions } from './http/index.ts'
import {
  createEvents,
  createLog,
  createMetrics,
  isSameSecret,
  metricsRoutes,
  observeRequests,
} from './observability/index.ts'
import type { Log, Metrics, Telemetry } from './observability/index.ts'

/** A running service. */
export interface Service {
  address: AddressInfo
  /** Resolves when requests can be served. Rejects with one line if they never will be. */
  ready: Promise<void>
  /**
   * Finishes active requests and ends everything that was started, within 10 s; `immediately`: does not wait
   * for callers.
   */
  stop: (immediately?: boolean) => Promise<void>
  /** Logs an error that was not caught. */
  report: (error: unknown) => void
}

/** The time limit for sending the last spans and metrics to a collector. */
const telemetryStopMs = 1000

/**
 * Listens first and connects afterwards: a port in use is reported immediately, and callers get 503 instead
 * of a refused connection while the service starts. Rejects if it cannot listen.
 */
export async function startService(config: Config): Promise<Service> {
  const { log, close } = createLog({ level: config.logLevel, folder: config.logDir, secrets: config })
  const metrics = createMetrics()
  const events = createEvents(log)
  const telemetry = await openTelemetry(config, metrics, log)
  const tracing = telemetry?.tracing
  let isStopping = false
  let postgres: EmbeddedPostgres | undefined
  let application: Application | undefined
  const observer = observeRequests(metrics, log, tracing)
  const appOptions = { ...config, observer, showsTiming: createTimingCheck(config.serverTiming) }
  const operations = healthRoutes({
    database: () => application?.checkDatabase() ?? rejectStarting(),
    auth: () => application?.checkAuth() ?? rejectStarting(),
    isDraining: () => isStopping,
  }).route('/', metricsRoutes(metrics, events, config))
  const startingApp = createStartingApp(operations, appOptions)
  const server = createHttpServer(() => application?.app ?? startingApp, observer)
  const address = await listen(server, config)
  log.info({ stream: 'application', address: address.address, port: address.port }, 'listening')
  const start = async (): Promise<void> => {
    // Loading this code takes half of the start, so it runs while PostgreSQL starts.
    const loading = import('./application.ts')
    postgres = await openPostgres(config, log)
    const { startApplication } = await loading
    const { url } = postgres
    tracing?.setDatabaseUrl(url)
    const parts = { config, url, log, metrics, events, tracing, operations, appOptions }
    application = await startApplication({ ...parts, isStopping: () => isStopping })
    log.info({ stream: 'application', startMs: Math.round(performance.now()) }, 'ready')
  }
  const ready = start()
  ready.catch(() => undefined)
  const stop = async (immediately = false): Promise<void> => {
    isStopping = true
    log.info({ stream: 'application' }, 'stopping')
    application?.endFaults()
    await drain(server, immediately)
    await Promise.race([ready.catch(() => undefined), sleep(1000, undefined, { ref: false })])
    await application?.stop()
    await Promise.all([postgres?.stop(), telemetry?.stop(telemetryStopMs)])
    log.info({ stream: 'application' }, 'stopped')
    await close()
  }
  return { address, ready, stop, report: (error) => reportUncaught(log, error) }
}

function createTimingCheck(serverTiming: Config['serverTiming']): AppOptions['showsTiming'] {
  if (serverTiming.mode !== 'token') return serverTiming.mode === 'on' ? () => true : undefined
  const { token } = serverTiming
  return (given) => given !== undefined && isSameSecret(given, token)
}

function rejectStarting(): Promise<never> {
  return Promise.reject(new Error('the service is starting'))
}

/** Serves the operations while the application starts, and answers all other requests with 503. */
function createStartingApp(operations: App, options: AppOptions): App {
  return createApp(options)
    .route('/', operations)
    .all('*', () => {
      throw new Problem('unavailable', { detail: 'The service is starting', headers: { 'retry-after': '1' } })
    })
}

/** The configured PostgreSQL, which is not ours to stop, or an embedded one. */
async function openPostgres({ databaseUrl, embeddedDir }: Config, log: Log): Promise<EmbeddedPostgres> {
  if (databaseUrl !== undefined) return { url: databaseUrl, stop: () => Promise.resolve() }
  return startEmbeddedPostgres(embeddedDir, (reason) =>
    log.error({ stream: 'error', reason }, 'the embedded PostgreSQL is started again'),
  )
}

function reportUncaught(log: Log, error: unknown): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  log.fatal(
    { stream: 'error', error: { kind: 'uncaught', message, stack } },
    'an uncaught error ends the service',
  )
}

/** Loads OpenTelemetry only if there is a collector to send to; otherwise it costs nothing. */
async function openTelemetry(
  config: Config,
  { registry }: Metrics,
  log: Log,
): Promise<Telemetry | undefined> {
  if (config.otel === undefined) return undefined
  const { startTelemetry } = await import('./observability/tracing/telemetry.ts')
  return startTelemetry(config.otel, {
    config,
    registry,
    log,
    instanceId: randomUUID(),
    now: Date.now,
    startedAt: performance.timeOrigin,
  })
}

async function listen(server: Server, { port, host }: Config): Promise<AddressInfo> {
  server.listen({ port, host, backlog: 2048 })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error(`listening on ${address ?? 'no address'}, expected a port`)
  return address
}
