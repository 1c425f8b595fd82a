import os from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { readRevision } from '../../runtime/processes/index.ts'
import type { GitContext } from '../../runtime/processes/index.ts'
import { loadConfig, nameSchema, readSecrets } from '../../config/index.ts'
import type { Config, LoadedConfig } from '../../config/index.ts'
import type { CommonOptions } from './options.ts'
import { createProgress } from './progress.ts'
import { createRedaction } from './redaction.ts'
import type { Redaction } from './redaction.ts'
import type { Progress } from './progress.ts'
import { trustTargets, UsageError } from './world.ts'
import type { World } from './world.ts'
import { runId, environmentOf } from '../../record/index.ts'
import type { Run } from '../../record/index.ts'
import { removeOldTemporaries } from '../../record/store/index.ts'
import { isAlive } from '../../runtime/processes/index.ts'
import { findSecrets } from '../../journeys/index.ts'
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
  /** The same while it runs: the group of its processes. */
  targetGroup?: number | undefined
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
  const target = { url: session.targetUrl, ...(session.boots && { started: true }) }
  if (revision !== undefined) return { ...target, revision }
  return { ...target, ...(session.boots && (await readRevision(configRepository(session)))) }
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
