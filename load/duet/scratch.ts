import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatHolder, parseHolder } from '../../runtime/processes/index.ts'

/** A folder for worktrees, data and scripts of one duet. */
export interface Scratch {
  folder: string
  /** Removes it with all that is in it. */
  remove: () => Promise<void>
}

const ownerFile = 'owner'

/**
 * Makes a scratch folder under `<out>/scratch/`, and removes those of duets that were killed: a SIGKILL runs
 * no handler, so the next one has to clean up. (Processes are ended by their guardian at once.)
 */
export async function openScratch(out: string, id: string, pid: number): Promise<Scratch> {
  const all = join(out, 'scratch')
  await removeLeftovers(all)
  const folder = join(all, id)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, ownerFile), formatHolder(pid))
  return { folder, remove: async () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) }
}

async function removeLeftovers(all: string): Promise<void> {
  const names = await readdir(all).catch((): string[] => [])
  for (const name of names) {
    const owner = parseHolder(await readFile(join(all, name, ownerFile), 'utf8').catch(() => ''))
    if (!owner.isAlive) await rm(join(all, name), { recursive: true, force: true, maxRetries: 3 })
  }
}
