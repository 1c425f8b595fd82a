import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { hostname } from 'node:os'
import type { Keeper } from '../../synthetics/history/index.ts'
import type { ProbeResult } from '../../record/index.ts'
import type { Cadence } from '../../config/cadence.ts'
import { diskProblem } from './world.ts'
import type { Session } from './session.ts'
import type { Config } from '../../config/index.ts'
import type { HistoryDatabase } from '../../record/history/index.ts'

/** Where results of probes are kept. */
export function historyFile(out: string): string {
  return join(out, 'history.db')
}

/** What tells a damaged file from other ones: `20261124T120030123`. */
export function damageStamp(now: () => number): string {
  return new Date(now()).toISOString().replaceAll(/[-:.Z]/g, '')
}

/** The history of a session, to write to. Without one (no permission, a newer vigil's) there is a warning, and the run goes on. */
export async function historyKeeper(session: Session): Promise<Keeper | undefined> {
  const { keeper, sqliteStore } = await import('../../synthetics/history/index.ts')
  const file = historyFile(session.out)
  try {
    mkdirSync(session.out, { recursive: true })
    return keeper(
      sqliteStore(file, () => damageStamp(session.world.now)),
      session.progress.warn,
    )
  } catch (error) {
    session.progress.warn(
      diskProblem(error, file) ??
        `results are not kept: ${error instanceof Error ? error.message : String(error)}`,
    )
    return undefined
  }
}

/** Keeps results of probes that were run once. `cadenceOf`: how often something else (cron) runs them, where that is known. */
export async function keepOnce(
  session: Session,
  results: readonly ProbeResult[],
  cadenceOf: (probe: string) => Cadence | undefined,
): Promise<void> {
  const history = await historyKeeper(session)
  if (!history) return
  const { entryOf } = await import('../../synthetics/history/index.ts')
  const { heldFrom } = await import('../../synthetics/schedule/due.ts')
  for (const result of results) {
    const cadence = cadenceOf(result.name)
    history.keep(
      entryOf(result, session.targetUrl, cadence ? heldFrom(Date.parse(result.startedAt), cadence) : null),
    )
  }
  history.close()
}

const variable = 'VIGIL_DATABASE_URL'

/**
 * The PostgreSQL that history is kept in, for several machines to share: what the environment says, else the config. Undefined: a file beside the runs.
 *
 * @param out absolute path of the folder that runs are kept under
 */
export function historyDatabase(
  env: NodeJS.ProcessEnv,
  out: string,
  config: Pick<Config, 'history'> | undefined,
): HistoryDatabase | undefined {
  const place = `${hostname()}:${out}`
  const asked = env[variable]
  if (asked !== undefined && asked !== '') return { url: asked, name: variable, place }
  return config?.history && { url: config.history.url, name: 'history.url of the config', place }
}

/** Brings the index of runs up to date with what was just written. It is made again from the records at will, so its failure changes nothing. */
export async function keepInHistory({ out, world, progress, loaded }: Session): Promise<void> {
  try {
    const { withHistory } = await import('../../record/history/index.ts')
    await withHistory(
      {
        out,
        database: historyDatabase(world.env, out, loaded.config),
        stamp: () => damageStamp(world.now),
        warn: progress.warn,
      },
      () => undefined,
    )
  } catch (error) {
    progress.warn(
      `the index of runs was not brought up to date (${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}); the records are whole, and vigil history tries again`,
    )
  }
}
