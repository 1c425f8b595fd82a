import os, { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { readRevision } from '../../runtime/processes/index.ts'
import type { GitContext } from '../../runtime/processes/index.ts'
import { loadConfig, nameSchema, readSecrets } from '../../config/index.ts'
import type { Config, LoadedConfig } from '../../config/index.ts'
import { lockTarget, requestMetrics, startTarget } from '../../runtime/target/index.ts'
import type { MetricsAnswer } from '../../runtime/target/index.ts'
import type { CommonOptions } from './options.ts'
import { createProgress } from './progress.ts'
import { createRedaction } from './redaction.ts'
import type { Redaction } from './redaction.ts'
import type { Progress } from './progress.ts'
import { trustTargets, UsageError } from './world.ts'
import type { World } from './world.ts'
import { runId, environmentOf, toOneLine } from '../../record/index.ts'
import type { CodedReason, ReasonCode } from '../../baselines/index.ts'
import type { FailureClass, Run } from '../../record/index.ts'
import { makeFolder, removeOldTemporaries } from '../../record/store/index.ts'
import { describeEnd, isAlive } from '../../runtime/processes/index.ts'
import type { ChildEnd } from '../../runtime/processes/index.ts'
import type { RunningProcess } from '../../runtime/services/index.ts'
import { sendRequest } from '../../journeys/client/index.ts'
import { findSecrets, toTargetUrl } from '../../journeys/index.ts'
import type { Secrets } from '../../journeys/index.ts'

/** What a running command works with: its config, its target, and where its files go. */
export interface Session {
  world: World
  loaded: LoadedConfig
  targetUrl: string
  /** Whether vigil starts the target, so that its revision is that of the checkout. */
  boots: boolean
  origin: Origin
  secrets: Secrets
  /** Removes the secrets from a document before it is judged, kept or shown. */
  redact: Redaction['document']
  /** Absolute. */
  out: string
  progress: Progress
  /** While vigil runs a service that it started: how it ended, or undefined while it runs. */
  targetEnd?: (() => string | undefined) | undefined
}

/**
 * What results are labelled and pushed with. Nothing of the machine: a Pushgateway keeps every group, so the
 * results of a machine that was replaced would stay the latest ones for ever.
 */
export interface Origin {
  /** The name of the target's environment. */
  environment: string
  /** Where vigil runs. */
  place: string
}

/**
 * The origin by the environment's variables, else by the config. The default environment is the target's host
 * name, so that two services do not replace each other's results.
 */
export function findOrigin(env: NodeJS.ProcessEnv, config: Config, targetUrl: string): Origin {
  const named = (variable: string): string | undefined => {
    const text = env[variable]
    if (text === undefined || text === '') return undefined
    const parsed = nameSchema.safeParse(text)
    if (parsed.success) return parsed.data
    throw new UsageError(
      `${variable}: ${parsed.error.issues[0]?.message ?? 'expected a name'}, ` +
        `got ${JSON.stringify(text.slice(0, 80))}`,
    )
  }
  return {
    environment: named('VIGIL_ENVIRONMENT') ?? config.environment ?? new URL(targetUrl).hostname,
    place: named('VIGIL_PLACE') ?? config.place ?? 'default',
  }
}

/** @param use `files`: of earlier runs only, which needs no secrets */
export async function openSession(
  options: CommonOptions,
  world: World,
  use: 'target' | 'files' = 'target',
): Promise<Session> {
  const config = await loadConfig(world.cwd, options.config)
  if (config.state === 'usage-error') throw new UsageError(config.problem)
  const secrets = readSecrets(config.loaded, world.env)
  if (secrets.state === 'usage-error' && use === 'target') throw new UsageError(secrets.problem)
  const { target } = config.loaded.config
  if (use === 'target') trustTargets(config.loaded, [options.target ?? target.url])
  const progress = createProgress(world, options.quiet ?? false)
  const redaction = world.redaction ?? createRedaction(world.env, [])
  const values = secrets.state === 'ok' ? secrets.values : {}
  redaction.add([...Object.values(values), ...findSecrets(target.env ?? {})])
  const out = resolve(world.cwd, options.out)
  const targetUrl = options.target ?? target.url
  for (const folder of [out, join(dirname(config.loaded.file), 'baselines')])
    await removeOldTemporaries(folder, { now: world.now, isAlive })
  return {
    world: { ...world, ...progress.streams },
    loaded: config.loaded,
    targetUrl,
    secrets: values,
    redact: redaction.document,
    origin: findOrigin(world.env, config.loaded.config, targetUrl),
    boots: options.target === undefined && target.command !== undefined,
    out,
    progress,
  }
}

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

/** Waits until no other vigil loads the target: two loads on one machine would measure each other. */
export async function withTargetLock<T>(session: Session, work: () => Promise<T>): Promise<TargetResult<T>> {
  const { world, targetUrl, progress } = session
  const timeoutMs = world.lockPatienceMs ?? lockPatienceMs
  const locked = await lockTarget({
    url: targetUrl,
    folder: tmpdir(),
    pid: world.pid,
    signal: world.interrupted,
    timeoutMs,
    waiting: (holder) =>
      progress.warn(`process ${holder} is measuring ${targetUrl} already; waiting for it to end`),
  })
  switch (locked.state) {
    case 'ok':
      try {
        return { state: 'ok', value: await work() }
      } finally {
        await locked.lock.release()
      }
    case 'busy':
      return {
        state: 'unavailable',
        code: 'target-busy',
        reason:
          `process ${locked.holder} still measures ${targetUrl} after ${timeoutMs / 60_000} minutes: ` +
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
    env: { ...session.world.env, ...config.target.env },
    timeoutMs: bootTimeoutMs,
    logFile,
    signal: session.world.interrupted,
  })
  if (started.state === 'failed')
    return {
      state: 'unavailable',
      code: session.world.interrupted.aborted ? 'interrupted' : 'target-not-started',
      reason: started.reason,
    }
  session.targetEnd = watchEnd(started.service)
  try {
    const problem = load ? await checkMetrics(session, session.targetUrl) : undefined
    if (problem !== undefined) return { state: 'unavailable', ...problem }
    return { state: 'ok', value: await use() }
  } finally {
    session.targetEnd = undefined
    await started.service.stop()
  }
}

function watchEnd({ ended, lastOutput }: RunningProcess): () => string | undefined {
  let end: ChildEnd | undefined
  void ended.then((how) => (end = how))
  return () =>
    end && `the service ${describeEnd(end)} while it was loaded; it wrote: ${lastOutput() || 'nothing'}`
}

/** A new id, for a run that starts now. */
export function newRunId({ world }: Session, name: string): string {
  return runId(world.now, world.random, name)
}

/** The git repository of the config. */
export function configRepository(session: Session): GitContext {
  return { folder: dirname(session.loaded.file), env: session.world.env, signal: session.world.interrupted }
}

/** The session's target, for its records. */
export async function describeTarget(session: Session): Promise<Run['target']> {
  const { revision } = session.loaded.config.target
  const url = session.targetUrl
  if (revision !== undefined) return { url, revision }
  return { url, ...(session.boots && (await readRevision(configRepository(session)))) }
}

/** This machine as an environment of records, and the names of its origin; `engine` with its version. */
export function describeEnvironment({ origin }: Pick<Session, 'origin'>, engine: string): Run['environment'] {
  const machine = environmentOf({
    os: os.type(),
    kernel: os.release(),
    arch: os.arch(),
    cpuModel: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    node: process.versions.node,
    engine,
  })
  return { ...machine, name: origin.environment, place: origin.place }
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

/** Why metrics that the config names cannot be read, or undefined. Figures that are asked for are not left out. */
async function checkMetrics(session: Session, targetUrl: string): Promise<CodedReason | undefined> {
  const answer = await readTargetMetrics(session, targetUrl)
  return answer.state === 'refused' ? { code: 'target-metrics', reason: answer.reason } : undefined
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
