import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatHolder, parseHolder } from '../../runtime/processes/index.ts'

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
  await writeFile(join(folder, ownerFile), formatHolder(pid))
  return { folder, remove: async () => removeFolder(folder) }
}

async function removeStale(all: string): Promise<void> {
  const names = await readdir(all).catch((): string[] => [])
  for (const name of names) {
    const owner = parseHolder(await readFile(join(all, name, ownerFile), 'utf8').catch(() => ''))
    if (!owner.isAlive) await removeFolder(join(all, name))
  }
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}
