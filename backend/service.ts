import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Config } from './config/index.ts'
import type { Application } from './application.ts'
import { startEmbeddedPostgres } from './db/embedded/index.ts'
import { healthEndpoints } from './health.ts'
import { createApp, createHttpServer, Problem } from './http/index.ts'
import {
  createEvents,
  createLog,
  createMetrics,
  metricsEndpoints,
  observeRequests,
} from './observability/index.ts'
import type { Log, Metrics, Telemetry } from './observability/index.ts'

/** A running service. */
export interface Service {
  address: AddressInfo
  /** Resolves once requests can be served; rejects with one line when they never will. */
  ready: Promise<void>
  /** Finishes what is under way and ends everything that was started, within 10 s; `atOnce` without notice to callers. */
  stop(atOnce?: boolean): Promise<void>
  /** Logs what nobody has caught. */
  report(error: unknown): void
}

/** How long callers may notice that we are going, requests may still arrive, and those under way may then take. */
const drainMs = { notice: 1000, arrive: 500, finish: 5000 } as const

/** How long the last spans and metrics may take on their way to a collector. */
const lastWordsMs = 1000

/**
 * Listens first and connects then: a port in use is known at once, and whoever asks meanwhile hears 503 rather than
 * nothing. Rejects when it cannot listen.
 */
export async function startService(config: Config): Promise<Service> {
  const { log, close: closeLog } = createLog({
    level: config.logLevel,
    folder: config.logDir,
    secrets: config,
  })
  const metrics = createMetrics()
  const events = createEvents(log)
  const telemetry = await openTelemetry(config, metrics, log)
  let application: Application | undefined
  let embedded: { stop(): Promise<void> } | undefined
  let stopping = false
  const operations = [
    ...healthEndpoints({
      database: () => application?.databaseAnswers() ?? notYet(),
      auth: () => application?.authWorks() ?? notYet(),
      draining: () => stopping,
    }),
    ...metricsEndpoints(metrics, events, config),
  ]
  const starting = new Problem('unavailable', {
    detail: 'The service is starting',
    headers: { 'retry-after': '1' },
  })
  const bootApp = createApp(
    operations,
    {
      authenticate: () => {
        throw starting
      },
      limit: () => undefined,
      timing: () => false,
    },
    starting,
  )
  const server = createHttpServer(
    () => application?.app ?? bootApp,
    observeRequests(metrics, log, telemetry?.tracing),
    config,
  )
  const address = await listen(server, config.port, config.host)
  log.info({ stream: 'application', address: address.address, port: address.port }, 'listening')

  // Half the start is reading this code: it is done while PostgreSQL starts.
  const loading = import('./application.ts')
  const open = async (): Promise<void> => {
    let url = config.databaseUrl
    if (url === undefined) {
      const postgres = await startEmbeddedPostgres(config.embeddedDir, (reason) =>
        log.error({ stream: 'error', reason }, 'the embedded PostgreSQL is started again'),
      )
      embedded = postgres
      url = postgres.url
    }
    const { startApplication } = await loading
    telemetry?.tracing?.databaseAt(url)
    application = await startApplication({
      config,
      url,
      log,
      metrics,
      events,
      tracing: telemetry?.tracing,
      operations,
      stopping: () => stopping,
    })
    log.info({ stream: 'application', startMs: Math.round(performance.now()) }, 'ready')
  }
  const opening = open()
  opening.catch(() => undefined)

  const stop = async (atOnce = false): Promise<void> => {
    stopping = true
    log.info({ stream: 'application' }, 'stopping')
    application?.endFaults()
    await drain(server, atOnce)
    await Promise.race([opening.catch(() => undefined), delay(1000)])
    await application?.stop()
    await Promise.all([embedded?.stop(), telemetry?.stop(lastWordsMs)])
    log.info({ stream: 'application' }, 'stopped')
    await closeLog()
  }
  const report = (error: unknown): void => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    log.fatal(
      { stream: 'error', error: { kind: 'uncaught', message, stack } },
      'an error that nobody caught ends the service',
    )
  }
  return { address, ready: opening, stop, report }
}

/** Read only when there is somewhere to send to: without, it costs nothing. */
async function openTelemetry(
  config: Config,
  { registry }: Metrics,
  log: Log,
): Promise<Telemetry | undefined> {
  if (config.otel === undefined) return undefined
  const { startTelemetry } = await import('./observability/tracing/start.ts')
  return startTelemetry(config.otel, {
    config,
    registry,
    log,
    instanceId: randomUUID(),
    now: Date.now,
    startedAt: performance.timeOrigin,
  })
}

function notYet(): Promise<never> {
  return Promise.reject(new Error('the service is starting'))
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, backlog: 2048 }, () => {
      server.off('error', reject)
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new Error(`listening on ${address ?? 'nothing'}, expected a port`))
      else resolve(address)
    })
  })
}

/**
 * Ends the server without cutting off anybody. For a moment it goes on as before, so that load balancers see that it is
 * not ready; then it takes no new connections, and answers on those that are open until their callers know.
 */
async function drain(server: Server, atOnce: boolean): Promise<void> {
  const connections = atOnce
    ? 0
    : await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
  if (connections > 0) await delay(drainMs.notice)
  await quietMoment(server)
  // Only from now on: sent earlier, it would have callers connect again, and again, until the port is closed on one.
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  // The HTTP server's own `close` would also cut connections whose first request is still on its way.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  if (connections > 0) await Promise.race([closed, delay(drainMs.arrive)])
  server.closeIdleConnections()
  await Promise.race([closed, delay(drainMs.finish)])
  server.closeAllConnections()
}

/**
 * A turn of the event loop in which nobody connected, right after the kernel's queue was emptied: a connection that
 * still waits in that queue when the port is closed is reset. At most 200 ms.
 */
async function quietMoment(server: Server): Promise<void> {
  const deadline = performance.now() + 200
  let connected = true
  const note = (): void => {
    connected = true
  }
  server.on('connection', note)
  while (connected && performance.now() < deadline) {
    connected = false
    await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise((resolve) => setImmediate(resolve))
  }
  server.off('connection', note)
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
