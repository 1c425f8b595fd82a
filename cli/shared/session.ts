import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { loadConfig } from '../../config/load.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { boot, lockTarget } from '../../runtime/target/index.ts'
import { preflight } from './preflight.ts'
import type { CommonOptions } from './options.ts'
import { progressFor } from './progress.ts'
import type { Progress } from './progress.ts'
import { UsageError } from './world.ts'
import type { World } from './world.ts'

/** A command at work: its config, and where its target is and its files go. */
export interface Session {
  world: World
  loaded: LoadedConfig
  targetUrl: string
  /** Whether vigil starts the target, so that its revision is that of the checkout. */
  boots: boolean
  /** Absolute. */
  out: string
  progress: Progress
}

export async function openSession(options: CommonOptions, world: World): Promise<Session> {
  const config = await loadConfig(world.cwd, options.config)
  if (config.state === 'wrong') throw new UsageError(config.problem)
  const { target } = config.loaded.config
  const out = resolve(world.cwd, options.out)
  return {
    world,
    loaded: config.loaded,
    targetUrl: options.target ?? target.url,
    boots: options.target === undefined && target.command !== undefined,
    out,
    progress: progressFor(world, options.quiet ?? false),
  }
}

/** How it went with the target: what `use` returned, or why the target could not be used. */
export type Reached<T> = { state: 'used'; result: T } | { state: 'unreachable'; reason: string }

const lockPatienceMs = 15 * 60_000
const bootTimeoutMs = 60_000

/** Has the target ready for `use`, to itself when it is to be loaded, and ends what was started however `use` ends. */
export async function withTarget<T>(
  session: Session,
  purpose: { load: boolean; logFile: string },
  use: () => Promise<T>,
): Promise<Reached<T>> {
  const prepared = async (): Promise<Reached<T>> =>
    session.boots ? withBooted(session, purpose.logFile, use) : withRunning(session, purpose, use)
  if (!purpose.load && !session.boots) return prepared()
  const locked = await withTargetLock(session, prepared)
  return locked.state === 'used' ? locked.result : locked
}

/** Two loads of one target on one machine would measure each other: `work` begins when no other vigil loads it. */
export async function withTargetLock<T>(session: Session, work: () => Promise<T>): Promise<Reached<T>> {
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
        return { state: 'used', result: await work() }
      } finally {
        await locked.lock.release()
      }
    case 'busy':
      return {
        state: 'unreachable',
        reason: `process ${locked.holder} still measures ${targetUrl} after ${timeoutMs / 60_000} minutes: end it, or remove ${locked.file} if it is something else`,
      }
    case 'interrupted':
      return { state: 'unreachable', reason: 'interrupted while waiting for the target' }
  }
}

async function withRunning<T>(
  session: Session,
  purpose: { load: boolean },
  use: () => Promise<T>,
): Promise<Reached<T>> {
  // A probe is itself the question whether the target answers: its own outcome says more than a refusal to ask.
  if (!purpose.load) return { state: 'used', result: await use() }
  const { target } = session.loaded.config
  const reason = await preflight(new URL(target.ready ?? '/', session.targetUrl), session.world.interrupted)
  return reason === undefined ? { state: 'used', result: await use() } : { state: 'unreachable', reason }
}

async function withBooted<T>(session: Session, logFile: string, use: () => Promise<T>): Promise<Reached<T>> {
  const { config, file } = session.loaded
  session.progress.phase(`starting the target: ${(config.target.command ?? []).join(' ')}`)
  await mkdir(dirname(logFile), { recursive: true })
  const booted = await boot({
    url: session.targetUrl,
    command: config.target.command ?? [],
    ready: config.target.ready ?? '/',
    cwd: dirname(file),
    env: { ...session.world.env, ...config.target.env },
    timeoutMs: bootTimeoutMs,
    logFile,
    signal: session.world.interrupted,
  })
  if (booted.state === 'failed') return { state: 'unreachable', reason: booted.reason }
  try {
    return { state: 'used', result: await use() }
  } finally {
    await booted.service.stop()
  }
}
