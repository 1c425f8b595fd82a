import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { listRuns } from '../store.ts'

/**
 * Runs whose folders may go, oldest first: all but the `keep` newest and those named in `never` (what baselines rest on). A run without
 * a record is left alone, because it may be one that is being made.
 */
export async function prunable(out: string, keep: number, never: ReadonlySet<string>): Promise<string[]> {
  const old = (await listRuns(out))
    .slice(keep)
    .filter((id) => !never.has(id))
    .toReversed()
  const finished = await Promise.all(
    old.map(async (id) =>
      stat(join(out, 'runs', id, 'record.json')).then(
        () => true,
        () => false,
      ),
    ),
  )
  return old.filter((_, index) => finished[index])
}

/** Deletes the folders of runs; their figures stay in history for as long as its index does. */
export async function prune(out: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) await rm(join(out, 'runs', id), { recursive: true, force: true })
}
