import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ProbeOutcome, ProbeResult } from '../../record/index.ts'
import {
  createLatestGauges,
  counters,
  histograms,
  latenessBuckets,
  schedulerGauges,
  stepBuckets,
} from './result.ts'
import type { BuildInfo } from './result.ts'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The metrics of a scheduler, updated by its events. Wall times are in milliseconds since 1970. */
export interface ScheduledMetrics {
  ran: (result: ProbeResult, latenessMs: number, holdsUntilMs: number) => void
  skipped: (probe: string) => void
  missed: (probe: string, count: number) => void
  hung: (probe: string) => void
  beat: (atMs: number) => void
  certificate: (probe: string, expiresAtMs: number) => void
  /** From when the next result is overdue: set at the start, and by each run that found something out. */
  nextDue: (probe: string, overdueMs: number) => void
  waiting: (results: number) => void
  /**
   * The text that Prometheus scrapes. What no longer holds at that moment is unknown in it, not as it was
   * last.
   */
  text: (nowMs: number) => Promise<string>
}

const outcomes: readonly ProbeOutcome[] = ['up', 'degraded', 'down', 'unknown']

/**
 * @param probes all scheduled probes: each has its series from the start, so that alerts see it before its
 *   first run
 */
export function createScheduledMetrics(probes: readonly string[], build: BuildInfo): ScheduledMetrics {
  const registry = new Registry()
  const latest = createLatestGauges(registry, build)
  const counter = <L extends string>(name: keyof typeof counters, labelNames: L[]): Counter<L> =>
    new Counter({ name, help: counters[name], labelNames, registers: [registry] })
  const runs = counter('vigil_probe_runs_total', ['probe', 'outcome'])
  const skipped = counter('vigil_probe_skipped_runs_total', ['probe'])
  const missed = counter('vigil_probe_missed_runs_total', ['probe'])
  const hung = counter('vigil_probe_hung_runs_total', ['probe'])
  const steps = new Histogram({
    name: 'vigil_probe_step_duration_seconds',
    help: histograms.vigil_probe_step_duration_seconds,
    labelNames: ['probe', 'step'],
    buckets: stepBuckets,
    registers: [registry],
  })
  const lateness = new Histogram({
    name: 'vigil_probe_schedule_lateness_seconds',
    help: histograms.vigil_probe_schedule_lateness_seconds,
    buckets: latenessBuckets,
    registers: [registry],
  })
  const gauge = (name: keyof typeof schedulerGauges): Gauge =>
    new Gauge({ name, help: schedulerGauges[name], registers: [registry] })
  const heartbeat = gauge('vigil_probe_heartbeat_timestamp_seconds')
  const waiting = gauge('vigil_probe_history_waiting_results')

  // A counter that starts with its first event would show no increase for it.
  for (const probe of probes) {
    latest.expire(probe)
    for (const outcome of outcomes) runs.inc({ probe, outcome }, 0)
    for (const each of [skipped, missed, hung]) each.inc({ probe }, 0)
  }
  const holds = new Map<string, number>()
  return {
    ran: (result, latenessMs, holdsUntilMs) => {
      latest.set(result)
      holds.set(result.name, holdsUntilMs)
      latest.validUntil(result.name, holdsUntilMs)
      runs.inc({ probe: result.name, outcome: result.outcome })
      lateness.observe(Math.max(0, latenessMs) / 1000)
      for (const { step, status, durationMs } of result.steps)
        if (status !== 0) steps.observe({ probe: result.name, step }, durationMs / 1000)
    },
    skipped: (probe) => skipped.inc({ probe }),
    missed: (probe, count) => missed.inc({ probe }, count),
    hung: (probe) => hung.inc({ probe }),
    beat: (atMs) => heartbeat.set(atMs / 1000),
    certificate: latest.certificate,
    nextDue: latest.nextDue,
    waiting: (results) => waiting.set(results),
    text: async (nowMs) => {
      for (const [probe, until] of holds) {
        if (until >= nowMs) continue
        latest.expire(probe)
        holds.delete(probe)
      }
      return registry.metrics()
    },
  }
}

/** An HTTP endpoint for Prometheus. */
export interface Endpoint {
  /** With the port in use. */
  url: string
  close: () => Promise<void>
}

const contentType = 'text/plain; version=0.0.4; charset=utf-8'
/** Prometheus needs one or two. More connections come from another client. */
const maxConnections = 32
const requestTimeoutMs = 5000

/**
 * Serves metrics at `/metrics` until closed. Refuses slow requests, other paths and other methods. Rejects
 * with the system's error if the port is not available.
 *
 * @param port 0 selects a free port
 */
export async function serveMetrics(
  host: string,
  port: number,
  text: () => Promise<string>,
): Promise<Endpoint> {
  const server = createServer(
    {
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 8192,
    },
    (request, response) => {
      request.resume()
      if ((request.url ?? '').split('?')[0] !== '/metrics') refuse(response, 404, 'metrics are at /metrics\n')
      else if (request.method !== 'GET' && request.method !== 'HEAD')
        refuse(response.setHeader('allow', 'GET, HEAD'), 405, 'metrics can only be read\n')
      else void answer(response, text, request.method === 'HEAD')
    },
  )
  server.maxConnections = maxConnections
  await listen(server, host, port)
  const address = server.address()
  const hostname = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${hostname}:${isAddress(address) ? address.port : port}/metrics`,
    close: async () => close(server),
  }
}

async function answer(
  response: ServerResponse,
  text: () => Promise<string>,
  headOnly: boolean,
): Promise<void> {
  try {
    const body = await text()
    response
      .writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' })
      .end(headOnly ? undefined : body)
  } catch {
    refuse(response, 500, 'metrics could not be collected\n')
  }
}

function refuse(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body)
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      // A broken connection is the client's problem and must not end the scheduler.
      server.on('error', () => undefined)
      resolve()
    })
  })
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}
