import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadConfig } from '../../../config/index.ts'
import type { HistoryDatabase, HistoryOptions as WithHistoryOptions } from '../../../record/history/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { damageStamp, findHistoryDatabase } from '../../shared/history.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { HistoryOptions } from './command.ts'

/** Where history is kept, and what is reported while it is brought up to date. */
export async function placeOf(options: HistoryOptions, world: World): Promise<WithHistoryOptions> {
  const out = resolve(world.cwd, options.out)
  return {
    out,
    database: await databaseOf(options, out, world),
    stamp: () => damageStamp(world.now),
    warn: (problem) => world.stderr(`vigil: ${cleanText(problem, 600)}\n`),
    progress: progressOf(world),
  }
}

/** The database that the environment names, or the config, if there is one. */
async function databaseOf(
  { config }: HistoryOptions,
  out: string,
  world: World,
): Promise<HistoryDatabase | undefined> {
  const asked = findHistoryDatabase(world.env, out, undefined)
  if (asked !== undefined || !existsSync(resolve(world.cwd, config))) return asked
  const loaded = await loadConfig(world.cwd, config)
  if (loaded.state === 'usage-error') throw new UsageError(cleanText(loaded.problem, 600))
  return findHistoryDatabase(world.env, out, loaded.loaded.config)
}

/** Reading this many records takes seconds; with fewer, progress is not worth showing. */
const manyRuns = 2000

function progressOf({ stderr, terminal }: World): (done: number, all: number) => void {
  return (done, all) => {
    if (all >= manyRuns && terminal.stderrIsTerminal)
      stderr(`\r\u001B[2K${done === all ? '' : `reading records: ${done} of ${all}`}`)
  }
}
