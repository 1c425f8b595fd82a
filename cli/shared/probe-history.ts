import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Keeper } from '../../synthetics/history/index.ts'
import type { ProbeResult } from '../../record/probe.ts'
import type { Cadence } from '../../config/cadence.ts'
import { diskProblem } from './disk.ts'
import type { Session } from './session.ts'

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
