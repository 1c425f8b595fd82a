import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceGroup, ServiceNotStarted } from '../../../runtime/services/index.ts'
import { sides } from '../../engines/k6/k6-runtime/wire.ts'
import type { Side } from '../../engines/k6/k6-runtime/wire.ts'
import { startDatabases } from './database.ts'
import type { PairDatabases, DatabaseTemplate } from './database.ts'
import { connectSide, startSide } from './side.ts'
import type { RunningSide, SideLaunch } from './side.ts'

/** Both sides at the same time on this machine. */
export interface RunningPair {
  sides: Record<Side, RunningSide>
  /** The side that has exited by itself, if one has. */
  exitedSide: () => Side | undefined
  stop: () => Promise<void>
}

export type PairResult =
  | { state: 'ok'; pair: RunningPair }
  | { state: 'failed'; side: Side | undefined; reason: string }

/**
 * The source of both sides: revisions that vigil starts, with databases when there is a template for them, or
 * services that run elsewhere.
 */
export type PairSource =
  | {
      kind: 'processes'
      launch: Record<Side, Omit<SideLaunch, 'database' | 'logFile' | 'cores'>>
      template: DatabaseTemplate | undefined
    }
  | {
      kind: 'urls'
      urls: Record<Side, string>
      metrics: string | undefined
      token: string | undefined
      profile?: string | undefined
    }

/** Where a pair runs. */
export interface PairPlace {
  /** Does not exist yet: data, while it runs. */
  folder: string
  /** Where logs stay. */
  logs: string
  /** The cores that both sides are restricted to. */
  cores: string | undefined
}

/**
 * Starts a fresh pair of processes on fresh data. One after the other, since two that compile at the same
 * time disturb each other. The copy that starts first is slower by up to a per cent, so `order` is random,
 * and swapped for the next pair.
 */
export async function startPair(
  source: PairSource,
  order: readonly [Side, Side],
  { folder, logs, cores }: PairPlace,
  signal: AbortSignal,
): Promise<PairResult> {
  if (source.kind === 'urls') {
    const [baseline, candidate] = sides.map((side) => connectSide(source.urls[side], source, signal))
    if (!baseline || !candidate) return { state: 'failed', side: undefined, reason: 'two URLs are needed' }
    const running = { baseline, candidate }
    const refused = await findRefusedMetrics(running)
    return (
      refused ?? {
        state: 'ok',
        pair: { sides: running, exitedSide: () => undefined, stop: async () => undefined },
      }
    )
  }
  const made = source.template && (await startDatabases(source.template, join(folder, 'postgres'), signal))
  if (made?.state === 'failed') return { ...made, side: undefined }
  return startOn(source, made?.databases, order, { logs, cores }, signal)
}

async function startOn(
  source: Extract<PairSource, { kind: 'processes' }>,
  databases: PairDatabases | undefined,
  order: readonly [Side, Side],
  { logs, cores }: Omit<PairPlace, 'folder'>,
  signal: AbortSignal,
): Promise<PairResult> {
  const running: Partial<Record<Side, RunningSide>> = {}
  let exited: Side | undefined
  const group = new ServiceGroup(({ name }) => (exited ??= sides.find((side) => side === name)))
  if (databases !== undefined) group.add(databases.stop, 0)
  let starting: Side | undefined
  try {
    await mkdir(logs, { recursive: true })
    for (starting of order) {
      const plan = {
        ...source.launch[starting],
        database: databases?.of[starting],
        cores,
        logFile: join(logs, `${starting}.log`),
      }
      running[starting] = await group.start(starting, startSide(plan, signal), 1)
    }
  } catch (error) {
    await group.stop()
    if (error instanceof ServiceNotStarted)
      return {
        state: 'failed',
        side: starting,
        reason: `${error.message} (of the environment it got target.env and the usual variables only)`,
      }
    throw error
  }
  const { baseline, candidate } = running
  if (baseline === undefined || candidate === undefined)
    return { state: 'failed', side: undefined, reason: 'no side was started' }
  const refused = await findRefusedMetrics({ baseline, candidate })
  if (refused !== undefined) {
    await group.stop()
    return refused
  }
  return {
    state: 'ok',
    pair: { sides: { baseline, candidate }, exitedSide: () => exited, stop: async () => group.stop() },
  }
}

/**
 * Metrics that the config names and that cannot be read are no reason to judge without them. One side may
 * not have them: a revision can add them.
 */
async function findRefusedMetrics(
  running: Record<Side, RunningSide>,
): Promise<Extract<PairResult, { state: 'failed' }> | undefined> {
  const [b, c] = await Promise.all([running.baseline.metricsRefusal(), running.candidate.metricsRefusal()])
  const isAbsent = (refusal: typeof b): boolean => refusal === undefined || refusal.status === 404
  const refused = isAbsent(b) && isAbsent(c) ? b && c : isAbsent(b) ? c : b
  return refused && { state: 'failed', side: undefined, reason: refused.reason }
}
