import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readHolder, writeHolder } from '../../runtime/processes/index.ts'

/** A folder for worktrees, data and scripts of one duet. */
export interface Scratch {
  folder: string
  /** Removes the folder with its contents. */
  remove: () => Promise<void>
}

const ownerFile = 'owner'

/**
 * Creates a scratch folder in `<out>/scratch/`, and removes those of duets that were killed: a SIGKILL runs
 * no handler, so the next duet cleans up. (The guardian ends processes immediately.)
 */
export async function openScratch(out: string, id: string, pid: number): Promise<Scratch> {
  const all = join(out, 'scratch')
  await removeStale(all)
  const folder = join(all, id)
  await mkdir(folder, { recursive: true })
  const held = await writeHolder(join(folder, ownerFile), pid)
  return {
    folder,
    remove: async () => {
      await held.release()
      await removeFolder(folder)
    },
  }
}

async function removeStale(all: string): Promise<void> {
  const names = await readdir(all).catch((): string[] => [])
  for (const name of names) {
    const folder = join(all, name)
    const owner = await readHolder(join(folder, ownerFile))
    const isStale =
      owner.state === 'ok' ? !owner.holder.isAlive : owner.state === 'missing' && (await isOld(folder))
    // That of another user, who ran as root, stays.
    if (isStale) await removeFolder(folder).catch(() => undefined)
  }
}

/** Another duet creates its folder first, and names itself in it after that. */
async function isOld(folder: string): Promise<boolean> {
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }))
  return Date.now() - mtimeMs > 60_000
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}
