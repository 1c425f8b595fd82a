import { resolve } from 'node:path'
import { prunable, prune } from '../../../record/history/index.ts'
import { plain } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { readStored, storedFolder } from '../../shared/baselines.ts'
import type { HistoryOptions } from './run.ts'

/**
 * Deletes the folders of all but the newest runs, never those that a baseline beside the config names. Only when it is asked to: what
 * deletes evidence by itself does so on the day it is needed. The figures of deleted runs stay in the index.
 */
export async function pruneHistory(
  { keep, config = 'vigil.config.ts', out, json }: HistoryOptions,
  world: World,
): Promise<number> {
  if (keep === undefined)
    throw new UsageError(
      '--prune: found no --keep, expected how many of the newest runs stay: vigil history --prune --keep 500',
    )
  const stored = await readStored(storedFolder(resolve(world.cwd, config)))
  const damaged = stored.find((one) => one.state === 'refused')
  // Which runs it rests on cannot be read: none is deleted.
  if (damaged?.state === 'refused') throw new UsageError(plain(damaged.problem, 600))
  const never = new Set(
    stored.flatMap((one) => (one.state === 'read' ? one.baseline.runs.map(({ id }) => id) : [])),
  )
  const folder = resolve(world.cwd, out)
  const ids = await prunable(folder, keep, never)
  await prune(folder, ids)
  if (json) printJson(world, { schema: 'vigil.pruned/1', pruned: ids })
  else
    world.stdout(
      `${ids.length} ${ids.length === 1 ? 'run' : 'runs'} deleted, the newest ${keep} and ${never.size} of baselines kept\n`,
    )
  return exitCodes.pass.code
}
