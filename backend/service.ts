import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Application } from './application.ts'
import type { Config } from './config/config.ts'
import { startEmbeddedPostgres } from './db/embedded/server.ts'
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
import type { Events, Log, Metrics, Telemetry } from './observability/index.ts'
import type { Server } from 'node:http'

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

/** What the parts of a service share while it starts, runs and stops. */
interface ServiceState {
  config: Config
  log: Log
  metrics: Metrics
  events: Events
  telemetry: Telemetry | undefined
  application: Application | undefined
  embedded: { stop: () => Promise<void> } | undefined
  isStopping: boolean
}

/**
 * Listens first and connects afterwards: a port in use is reported immediately, and callers get 503 instead
 * of a refused connection while the service starts. Rejects if it cannot listen.
 */
export async function startService(config: Config): Promise<Service> {
  const { log, close: closeLog } = createLog({
    level: config.logLevel,
    folder: config.logDir,
    secrets: config,
  })
  const metrics = createMetrics()
  const telemetry = await openTelemetry(config, metrics, log)
  const state: ServiceState = {
    config,
    log,
    metrics,
    events: createEvents(log),
    telemetry,
    application: undefined,
    embedded: undefined,
    isStopping: false,
  }
  const observer = observeRequests(metrics, log, telemetry?.tracing)
  const appOptions = { ...config, observer, showsTiming: createTimingCheck(config.serverTiming) }
  const operations = createOperations(state)
  const startingApp = createStartingApp(operations, appOptions)
  const server = createHttpServer(() => state.application?.app ?? startingApp, observer)
  const address = await listen(server, config.port, config.host)
  log.info({ stream: 'application', address: address.address, port: address.port }, 'listening')
  const ready = openApplication(state, operations, appOptions)
  ready.catch(() => undefined)
  const stop = async (immediately = false): Promise<void> => {
    state.isStopping = true
    log.info({ stream: 'application' }, 'stopping')
    state.application?.endFaults()
    await drain(server, immediately)
    await Promise.race([ready.catch(() => undefined), delay(1000)])
    await state.application?.stop()
    await Promise.all([state.embedded?.stop(), telemetry?.stop(telemetryStopMs)])
    log.info({ stream: 'application' }, 'stopped')
    await closeLog()
  }
  return { address, ready, stop, report: (error) => reportUncaught(log, error) }
}

function createTimingCheck(serverTiming: Config['serverTiming']): AppOptions['showsTiming'] {
  if (serverTiming.mode !== 'token') return serverTiming.mode === 'on' ? () => true : undefined
  const { token } = serverTiming
  return (given) => given !== undefined && isSameSecret(given, token)
}

/** The routes that are served from the start. */
function createOperations(state: ServiceState): App {
  const { metrics, events, config } = state
  return healthRoutes({
    database: () => state.application?.checkDatabase() ?? rejectStarting(),
    auth: () => state.application?.checkAuth() ?? rejectStarting(),
    isDraining: () => state.isStopping,
  }).route('/', metricsRoutes(metrics, events, config))
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

async function openApplication(state: ServiceState, operations: App, appOptions: AppOptions): Promise<void> {
  const { config, log, telemetry } = state
  // Loading this code takes half of the start, so it runs while PostgreSQL starts.
  const loading = import('./application.ts')
  let url = config.databaseUrl
  if (url === undefined) {
    const postgres = await startEmbeddedPostgres(config.embeddedDir, (reason) =>
      log.error({ stream: 'error', reason }, 'the embedded PostgreSQL is started again'),
    )
    state.embedded = postgres
    url = postgres.url
  }
  const { startApplication } = await loading
  telemetry?.tracing?.setDatabaseUrl(url)
  state.application = await startApplication({
    ...state,
    url,
    tracing: telemetry?.tracing,
    operations,
    appOptions,
    isStopping: () => state.isStopping,
  })
  log.info({ stream: 'application', startMs: Math.round(performance.now()) }, 'ready')
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

export function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, backlog: 2048 }, () => {
      server.off('error', reject)
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new Error(`listening on ${address ?? 'no address'}, expected a port`))
      else resolve(address)
    })
  })
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
