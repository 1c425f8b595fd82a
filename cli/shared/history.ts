import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { hostname } from 'node:os'
import type { Keeper } from '../../synthetics/history/index.ts'
import type { ProbeResult } from '../../record/index.ts'
import { errorMessage, diskProblem } from './world.ts'
import type { ResultTimes } from '../../synthetics/metrics/index.ts'
import type { Session } from './session.ts'
import type { Config, Cadence } from '../../config/index.ts'
import type { HistoryDatabase } from '../../record/history/index.ts'

/** The file with the results of probes. */
export function historyFile(out: string): string {
  return join(out, 'history.db')
}

/** The time, for the name of a damaged file that is set aside: `20261124T120030123`. */
export function damageStamp(now: () => number): string {
  return new Date(now()).toISOString().replaceAll(/[-:.Z]/g, '')
}

/**
 * The probe history to write to. If it cannot be opened (no permission, written by a newer vigil), only
 * warns.
 */
export async function openProbeHistory(session: Session): Promise<Keeper | undefined> {
  const { createKeeper, openSqliteStore } = await import('../../synthetics/history/index.ts')
  const file = historyFile(session.out)
  try {
    mkdirSync(session.out, { recursive: true })
    return createKeeper(
      openSqliteStore(file, () => damageStamp(session.world.now)),
      session.progress.warn,
    )
  } catch (error) {
    session.progress.warn(diskProblem(error, file) ?? `results are not kept: ${errorMessage(error)}`)
    return undefined
  }
}

/**
 * How often something else, such as cron, runs a probe, if its config says so, and how long a run may take.
 */
export interface ProbeTiming {
  cadence: Cadence | undefined
  deadlineMs: number
}

/**
 * Keeps the results of probes that ran once. Returns until when each is valid and when the next is overdue:
 * by its cadence, else by the gaps of its history, else unknown.
 */
export async function keepOnce(
  session: Session,
  results: readonly ProbeResult[],
  timingOf: (probe: string) => Promise<ProbeTiming>,
): Promise<Map<string, ResultTimes>> {
  const { toHistoryEntry, condenseSettled, forgetOld } = await import('../../synthetics/history/index.ts')
  const { estimateHoldsUntil, estimateOverdue } = await import('../../synthetics/schedule/index.ts')
  const times = new Map<string, ResultTimes>()
  const unscheduled = new Map<string, number>()
  const history = await openProbeHistory(session)
  for (const result of results) {
    const { cadence, deadlineMs } = await timingOf(result.name)
    const startedMs = Date.parse(result.startedAt)
    const validUntilMs = cadence && estimateHoldsUntil(startedMs, cadence)
    if (cadence)
      times.set(result.name, { validUntilMs, overdueMs: estimateOverdue(startedMs, cadence, deadlineMs) })
    else unscheduled.set(result.name, deadlineMs)
    history?.keep(toHistoryEntry(result, session.targetUrl, validUntilMs ?? null))
  }
  if (history) {
    condenseSettled(history, session.world.now())
    forgetOld(history, session.world.now())
    history.close()
  }
  if (history && unscheduled.size > 0 && session.loaded.config.pushgateway !== undefined)
    for (const [name, own] of await timesByHistory(session, unscheduled)) times.set(name, own)
  return times
}

/** A week, and a day more: a schedule that leaves out nights and week-ends shows its longest gap in it. */
const observedMs = 8 * 86_400_000

async function timesByHistory(
  session: Session,
  deadlines: ReadonlyMap<string, number>,
): Promise<Map<string, ResultTimes>> {
  const { estimateTimes, openSqliteStore } = await import('../../synthetics/history/index.ts')
  const nowMs = session.world.now()
  const store = openSqliteStore(historyFile(session.out), () => damageStamp(session.world.now))
  try {
    const entries = Map.groupBy(
      store.read({ fromMs: nowMs - observedMs, toMs: nowMs + 1 }),
      ({ probe, target }) => (target === session.targetUrl ? probe : undefined),
    )
    return new Map(
      [...deadlines].map(([probe, deadlineMs]) => {
        const starts = (entries.get(probe) ?? []).map(({ startedAtMs }) => startedAtMs)
        return [probe, estimateTimes(starts, deadlineMs)] as const
      }),
    )
  } finally {
    store.close()
  }
}

const variable = 'VIGIL_DATABASE_URL'

/**
 * The PostgreSQL history that several machines share: from the environment, else from the config. Undefined:
 * history is a file next to the runs.
 *
 * @param out absolute path of the folder that runs are kept under
 */
export function findHistoryDatabase(
  env: NodeJS.ProcessEnv,
  out: string,
  config: Pick<Config, 'history'> | undefined,
): HistoryDatabase | undefined {
  const place = `${hostname()}:${out}`
  const asked = env[variable]
  if (asked !== undefined && asked !== '') return { url: asked, name: variable, place }
  return config?.history && { url: config.history.url, name: 'history.url of the config', place }
}

/**
 * Adds what was just written to the index of runs. A failure only warns: the index can be rebuilt from the
 * records.
 */
export async function keepInHistory({ out, world, progress, loaded }: Session): Promise<void> {
  try {
    const { withHistory } = await import('../../record/history/index.ts')
    await withHistory(
      {
        out,
        database: findHistoryDatabase(world.env, out, loaded.config),
        stamp: () => damageStamp(world.now),
        warn: progress.warn,
      },
      () => undefined,
    )
  } catch (error) {
    progress.warn(
      `the index of runs was not updated (${errorMessage(error).split('\n')[0]}); ` +
        'the records are complete, and vigil history tries again',
    )
  }
}
