import { withHistory } from '../../record/history/index.ts'
import { damageStamp } from './probe-history.ts'
import { historyDatabase } from './history-database.ts'
import type { Session } from './session.ts'

/** Brings the index of runs up to date with what was just written. It is made again from the records at will, so its failure changes nothing. */
export async function keepInHistory({ out, world, progress, loaded }: Session): Promise<void> {
  try {
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
