import { resolve } from 'node:path'
import { HistoryUnavailable, prunable, prune, withHistory } from '../../../record/history/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { readStored, storedFolder } from '../../shared/baselines.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { HistoryOptions } from './command.ts'
import { placeOf } from './place.ts'

/**
 * Deletes the folders of all but the newest runs, except those that a baseline next to the config names. Only
 * on request: automatic deletion removes evidence on the day it is needed. The figures of deleted runs stay
 * in the index.
 */
export async function pruneHistory(options: HistoryOptions, world: World): Promise<number> {
  const { keep, config, out, json } = options
  if (keep === undefined)
    throw new UsageError(
      '--prune: found no --keep, expected how many of the newest runs stay: vigil history --prune --keep 500',
    )
  const stored = await readStored(storedFolder(resolve(world.cwd, config)))
  const damaged = stored.find((one) => one.state === 'invalid')
  // Which runs a damaged baseline uses is unknown: delete none.
  if (damaged?.state === 'invalid') throw new UsageError(cleanText(damaged.problem, 600))
  const never = new Set(
    stored.flatMap((one) => (one.state === 'ok' ? one.baseline.runs.map(({ id }) => id) : [])),
  )
  const folder = resolve(world.cwd, out)
  const ids = await knownOf(await prunable(folder, keep, never), options, world)
  if (ids === undefined) return exitCodes.invalid.code
  await prune(folder, ids)
  if (json) printJson(world, { schema: 'vigil.pruned/1', pruned: ids })
  else
    world.stdout(
      `${ids.length} ${ids.length === 1 ? 'run' : 'runs'} deleted, the newest ${keep} and ` +
        `${never.size} of baselines kept\n`,
    )
  return exitCodes.pass.code
}

/**
 * Those of some runs whose figures history has, or whose records cannot be read. Of another run the record is
 * all there is: the database was away when it was made. Undefined, and said, while the database is away now.
 */
async function knownOf(
  ids: readonly string[],
  options: HistoryOptions,
  world: World,
): Promise<string[] | undefined> {
  try {
    return await withHistory(await placeOf(options, world), async (index) => {
      const known = await index.known(ids)
      const damaged = new Set((await index.setAside()).map(({ id }) => id))
      return ids.filter((id) => known.has(id) || damaged.has(id))
    })
  } catch (error) {
    if (!(error instanceof HistoryUnavailable)) throw error
    world.stderr(`vigil: nothing was deleted: ${cleanText(error.message, 600)}\n`)
    return undefined
  }
}
