import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openProbeHistory } from '../../shared/history.ts'
import type { ProbeResult } from '../../../record/index.ts'
import { condenseSettled, forgetOld, toHistoryEntry } from '../../../synthetics/history/index.ts'
import { computeOverdue, createHeartbeatFile } from '../../../synthetics/schedule/index.ts'
import type { Job, ScheduleEvent, SuperviseResult } from '../../../synthetics/schedule/index.ts'
import { createScheduledMetrics, serveMetrics } from '../../../synthetics/metrics/index.ts'
import type { Endpoint, Formats } from '../../../synthetics/metrics/index.ts'
import { errorMessage, diskProblem, version, UsageError } from '../../shared/world.ts'
import type { ScheduleConsole } from './text.ts'
import type { Session } from '../../shared/session.ts'

/** Sends the events of a scheduler to history, metrics, heartbeat and console. */
export interface ScheduleWatch {
  onEvent: (event: ScheduleEvent<ProbeResult>) => void
  /** A target's certificate expires then, in milliseconds since 1970. */
  certificate: (probe: string, expiresAtMs: number) => void
  metricsUrl: string | undefined
  /** One line on all events. */
  summary: () => string
  close: () => Promise<void>
}

export interface WatchOptions {
  metricsPort?: number
  metricsHost: string
}

const dayMs = 86_400_000

type Ran = Extract<ScheduleEvent<ProbeResult>, { kind: 'ran' }>

export async function openWatch(
  session: Session,
  jobs: readonly Job<ProbeResult>[],
  options: WatchOptions,
  console: ScheduleConsole,
): Promise<ScheduleWatch> {
  const probes = jobs.map(({ name }) => name)
  const metrics = createScheduledMetrics(probes, { version: version(), node: process.versions.node })
  // Before its first due time a probe is unknown, but not overdue.
  for (const { name, cadence, deadlineMs } of jobs)
    metrics.nextDue(name, computeOverdue(session.world.now(), cadence, deadlineMs))
  const endpoint = await endpointOf(options, {
    text: async () => metrics.text(session.world.now()),
    protobuf: async () => metrics.protobuf(session.world.now()),
  })
  const history = await openProbeHistory(session)
  const heartbeat = heartbeatOf(session)
  const count = { runs: 0, skipped: 0, missed: 0 }
  return {
    onEvent: createEventHandler(session, probes.length, { metrics, history, heartbeat, console, count }),
    certificate: metrics.certificate,
    metricsUrl: endpoint?.url,
    summary: () => `stopped: ${count.runs} runs, ${count.skipped} skipped, ${count.missed} missed`,
    close: async () => {
      await heartbeat.last()
      await endpoint?.close()
      history?.close()
    },
  }
}

interface Receivers {
  metrics: ReturnType<typeof createScheduledMetrics>
  history: Awaited<ReturnType<typeof openProbeHistory>>
  heartbeat: ReturnType<typeof createHeartbeatFile>
  console: ScheduleConsole
  count: { runs: number; skipped: number; missed: number }
}

function createEventHandler(
  { world, targetUrl }: Session,
  probes: number,
  { metrics, history, heartbeat, console, count }: Receivers,
): ScheduleWatch['onEvent'] {
  const startedAt = new Date(world.now()).toISOString()
  let forgotAt = -Infinity
  const forgetDaily = (nowMs: number): void => {
    if (nowMs - forgotAt < dayMs) return
    forgotAt = nowMs
    if (history) forgetOld(history, nowMs)
  }
  let condensedAt = -Infinity
  const condense = (nowMs: number): void => {
    if (nowMs - condensedAt < 60_000) return
    condensedAt = nowMs
    if (history) condenseSettled(history, nowMs)
  }

  const ran = (event: Ran): void => {
    const { startedMs, dueMs, holdsUntilMs, overdueMs, outcome } = event
    const result = resultOf(event)
    const latenessMs = startedMs - dueMs
    count.runs += 1
    metrics.ran(result, latenessMs, holdsUntilMs)
    if (result.outcome !== 'unknown') metrics.nextDue(result.name, overdueMs)
    if (outcome.state === 'timeout') metrics.hung(result.name)
    history?.keep(toHistoryEntry(result, targetUrl, holdsUntilMs))
    metrics.waiting(history?.waiting() ?? 0)
    console.ran(result, { dueMs, latenessMs, endedMs: world.now() })
  }
  return (event) => {
    switch (event.kind) {
      case 'ran':
        return ran(event)
      case 'skipped':
        count.skipped += 1
        metrics.skipped(event.name)
        return console.skipped(event)
      case 'missed':
        count.missed += event.count
        metrics.missed(event.name, event.count)
        return console.missed(event)
      case 'clock-moved':
        return console.clockMoved(event)
      case 'beat':
        metrics.beat(event.atMs)
        condense(event.atMs)
        forgetDaily(event.atMs)
        return heartbeat.beat({
          schema: 'vigil.heartbeat/1',
          at: new Date(event.atMs).toISOString(),
          startedAt,
          pid: world.pid,
          probes,
          running: event.running,
          ...count,
        })
    }
  }
}

async function endpointOf(
  { metricsHost, metricsPort }: WatchOptions,
  formats: Formats,
): Promise<Endpoint | undefined> {
  if (metricsPort === undefined) return undefined
  try {
    return await serveMetrics(metricsHost, metricsPort, formats)
  } catch (error) {
    throw new UsageError(
      `--metrics-port ${metricsPort}: ${errorMessage(error)}, expected a free port of this machine`,
    )
  }
}

function heartbeatOf(session: Session): ReturnType<typeof createHeartbeatFile> {
  const folder = join(session.out, 'schedule')
  const file = join(folder, 'heartbeat.json')
  let hasWarned = false
  const failed = (error: unknown): void => {
    if (!hasWarned) session.progress.warn(diskProblem(error, file) ?? `${file}: ${errorMessage(error)}`)
    hasWarned = true
  }
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    failed(error)
  }
  return createHeartbeatFile(file, failed)
}

/** The result of a run. A run that did not end properly says nothing about the target. */
function resultOf({ name, startedMs, outcome }: Ran): ProbeResult {
  if (outcome.state === 'ok' && !outcome.isOverdue) return outcome.result
  const message = unfinishedWords(outcome)
  if (outcome.state === 'ok')
    return outcome.result.outcome === 'unknown' ? { ...outcome.result, message } : outcome.result
  return {
    name,
    outcome: 'unknown',
    startedAt: new Date(startedMs).toISOString(),
    durationMs: 0,
    attempts: 0,
    steps: [],
    message,
  }
}

function unfinishedWords(outcome: SuperviseResult<ProbeResult>): string {
  switch (outcome.state) {
    case 'ok':
      return 'was aborted at its deadline: this prober took longer than its attempts may'
    case 'timeout':
      return 'did not end when it was aborted, and was abandoned: a defect of this prober'
    case 'failed':
      return `this prober failed: ${outcome.reason.split('\n')[0]?.slice(0, 200) ?? ''}`
  }
}
