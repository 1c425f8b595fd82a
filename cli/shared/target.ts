import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { lockTarget, requestMetrics, startTarget } from '../../runtime/target/index.ts'
import type { MetricsAnswer, TargetLock } from '../../runtime/target/index.ts'
import { toOneLine } from '../../record/index.ts'
import type { CodedReason, ReasonCode } from '../../baselines/index.ts'
import type { FailureClass } from '../../record/index.ts'
import { makeFolder } from '../../record/store/index.ts'
import { describeEnd } from '../../runtime/processes/index.ts'
import type { ChildEnd } from '../../runtime/processes/index.ts'
import type { RunningProcess } from '../../runtime/services/index.ts'
import { sendRequest } from '../../journeys/client/index.ts'
import { toTargetUrl } from '../../journeys/index.ts'
import type { Session } from './session.ts'

/** What `use` returned, or why the target could not be used. */
export type TargetResult<T> = { state: 'ok'; value: T } | ({ state: 'unavailable' } & CodedReason)

const lockPatienceMs = 15 * 60_000
const bootTimeoutMs = 60_000

/**
 * Calls `use` when the target is ready, alone with it if it is to be loaded. Ends what it started, even if
 * `use` throws.
 */
export async function withTarget<T>(
  session: Session,
  purpose: { load: boolean; logFile: string },
  use: () => Promise<T>,
): Promise<TargetResult<T>> {
  const prepared = async (): Promise<TargetResult<T>> =>
    session.boots ? withBooted(session, purpose, use) : withRunning(session, purpose, use)
  if (!purpose.load && !session.boots) return prepared()
  const locked = await withTargetLock(session, prepared)
  return locked.state === 'ok' ? locked.value : locked
}

/**
 * Waits until no other vigil loads the target: two loads on one machine would measure each other.
 *
 * @param urls what is loaded, if it is not the session's target
 */
export async function withTargetLock<T>(
  session: Session,
  work: () => Promise<T>,
  urls: readonly string[] = [session.targetUrl],
): Promise<TargetResult<T>> {
  const locks: TargetLock[] = []
  try {
    // In one order everywhere: two vigils that need the same two targets do not wait for each other.
    for (const url of [...new Set(urls)].toSorted()) {
      const locked = await lockOne(session, url)
      if (locked.state === 'unavailable') return locked
      locks.push(locked.lock)
    }
    return { state: 'ok', value: await work() }
  } finally {
    for (const lock of locks.toReversed()) await lock.release()
  }
}

async function lockOne(
  { world, progress }: Session,
  url: string,
): Promise<{ state: 'ok'; lock: TargetLock } | ({ state: 'unavailable' } & CodedReason)> {
  const timeoutMs = world.lockPatienceMs ?? lockPatienceMs
  const locked = await lockTarget({
    url,
    folder: tmpdir(),
    pid: world.pid,
    signal: world.interrupted,
    timeoutMs,
    waiting: (holder) =>
      progress.warn(`process ${holder} is measuring ${url} already; waiting for it to end`),
  })
  switch (locked.state) {
    case 'ok':
      return locked
    case 'busy':
      return {
        state: 'unavailable',
        code: 'target-busy',
        reason:
          `process ${locked.holder} still measures ${url} after ${timeoutMs / 60_000} minutes: ` +
          `end it, or remove ${locked.file} if it is something else`,
      }
    case 'unavailable':
      return { ...locked, code: 'target-lock' }
    case 'interrupted':
      return { state: 'unavailable', code: 'interrupted', reason: 'interrupted while waiting for the target' }
  }
}

async function withRunning<T>(
  session: Session,
  purpose: { load: boolean },
  use: () => Promise<T>,
): Promise<TargetResult<T>> {
  // No preflight for a probe: its own outcome says more than a refusal to run it.
  if (!purpose.load) return { state: 'ok', value: await use() }
  const problem =
    (await checkTarget(session, session.targetUrl)) ?? (await checkMetrics(session, session.targetUrl))
  return problem === undefined ? { state: 'ok', value: await use() } : { state: 'unavailable', ...problem }
}

async function withBooted<T>(
  session: Session,
  { load, logFile }: { load: boolean; logFile: string },
  use: () => Promise<T>,
): Promise<TargetResult<T>> {
  const { config, file } = session.loaded
  session.progress.phase(`starting the target: ${(config.target.command ?? []).join(' ')}`)
  await makeFolder(dirname(logFile))
  const started = await startTarget({
    url: session.targetUrl,
    command: config.target.command ?? [],
    ready: config.target.ready ?? '/',
    cwd: dirname(file),
    // The PORT of this process's own environment is not meant for the service.
    env: { ...session.world.env, PORT: undefined, ...config.target.env },
    timeoutMs: bootTimeoutMs,
    logFile,
    signal: session.world.interrupted,
  })
  if (started.state === 'failed')
    return {
      state: 'unavailable',
      code: session.world.interrupted.aborted
        ? 'interrupted'
        : started.cause === 'port-in-use'
          ? 'target-address-taken'
          : 'target-not-started',
      reason: started.reason,
    }
  session.targetEnd = watchEnd(started.service)
  session.targetGroup = started.service.pid
  try {
    const problem = load ? await checkMetrics(session, session.targetUrl) : undefined
    if (problem !== undefined) return { state: 'unavailable', ...problem }
    return { state: 'ok', value: await use() }
  } finally {
    session.targetEnd = undefined
    session.targetGroup = undefined
    await started.service.stop()
  }
}

function watchEnd({ ended, lastOutput }: RunningProcess): () => string | undefined {
  let end: ChildEnd | undefined
  void ended.then((how) => (end = how))
  return () =>
    end && `the service ${describeEnd(end)} while it was loaded; it wrote: ${lastOutput() || 'nothing'}`
}

/** One reading of the metrics of the config's target, at this URL. */
export async function readTargetMetrics(
  { loaded, world }: Session,
  targetUrl: string,
): Promise<MetricsAnswer> {
  const { metrics, env } = loaded.config.target
  const token = world.env['VIGIL_METRICS_TOKEN'] ?? env?.['METRICS_TOKEN']
  const limits = { timeoutMs: metricsTimeoutMs, signal: world.interrupted }
  return requestMetrics({ url: targetUrl, path: metrics, token }, limits)
}

const metricsTimeoutMs = 2000

/**
 * Why metrics that the config names cannot be read, or undefined. Figures that are asked for are not left
 * out.
 */
async function checkMetrics(session: Session, targetUrl: string): Promise<CodedReason | undefined> {
  const answer = await readTargetMetrics(session, targetUrl)
  return answer.state === 'failed' ? { code: 'target-metrics', reason: answer.reason } : undefined
}

/** The first check of every URL that is to be loaded: why it cannot be measured, or undefined. */
export async function checkTarget(
  { loaded, world }: Session,
  targetUrl: string,
): Promise<CodedReason | undefined> {
  return preflight(targetUrl, loaded.config.target.ready, world.interrupted)
}

const timeoutMs = 5000
const bodyBytes = 64 * 1024

/**
 * Sends one request before anything is measured. A target that cannot be reached, or that is elsewhere,
 * cannot be measured: something else would be. Any other response, including an error, is the target's own
 * and is measured.
 *
 * @param ready the path that answers 2xx once the target can be used, if it has one
 * @returns why it cannot be used, or undefined
 */
export async function preflight(
  targetUrl: string,
  ready: string | undefined,
  signal: AbortSignal,
): Promise<CodedReason | undefined> {
  const url = toTargetUrl(targetUrl, ready ?? '/')
  const request = { method: 'GET', path: ready ?? '/', headers: {}, body: undefined }
  const result = await sendRequest(targetUrl, request, {
    timeoutMs,
    maxBodyBytes: bodyBytes,
    signal,
    purpose: 'first check',
  })
  if (signal.aborted)
    return { code: 'interrupted', reason: 'interrupted before the first request to the target' }
  // An endless body is a response too.
  if (result.state === 'ok') {
    const { status, headers } = result.response
    const isRedirect = status >= 300 && status < 400 && status !== 304
    const location = headers['location']
    // A root may redirect, to a login page for example: it is no step of a journey.
    return isRedirect && (ready !== undefined || hasMoved(url, location))
      ? { code: 'target-redirect', reason: describeRedirect(url, status, location) }
      : undefined
  }
  const code = unreachableCodes[result.class]
  if (code === undefined) return undefined
  return {
    code,
    reason: `the target at ${url.origin} cannot be reached (${result.class}): ${result.message}`,
  }
}

// A response that is no valid answer, of status or check, is the target's own.
const unreachableCodes: Partial<Record<FailureClass, ReasonCode>> = {
  dns: 'target-dns',
  connect: 'target-connect',
  tls: 'target-tls',
  timeout: 'target-timeout',
  redirect: 'target-redirect',
}

/** Whether a redirect leads to the same path elsewhere, as from http to https: then all requests do. */
function hasMoved(url: URL, location: string | undefined): boolean {
  const to = location === undefined ? null : URL.parse(location, url.href)
  return to !== null && to.origin !== url.origin && to.pathname === url.pathname
}

function describeRedirect(url: URL, status: number, location: string | undefined): string {
  const where = location === undefined ? 'nowhere' : toOneLine(location)
  return (
    `the target redirects (redirect): ${url.href} answered ${status} to ${where}, ` +
    'expected a response of its own; give the URL that it redirects to'
  )
}
