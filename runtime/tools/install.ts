import { randomUUID } from 'node:crypto'
import { access, chmod, constants, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    // Of a folder, X_OK says only that it can be entered.
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/**
 * Makes a program, or a folder with one, in a scratch folder of its own and moves it into place complete. Of two vigil
 * processes that fetch the same tool at the same time, each makes a complete one: the last program stays, and the first
 * folder, which may be in use already.
 *
 * @param make leaves the program or folder in the scratch folder and returns its path, or says why not
 */
export async function installAtomically(
  place: string,
  make: (scratch: string) => Promise<{ state: 'made'; path: string } | { state: 'failed'; reason: string }>,
): Promise<{ state: 'had'; path: string } | { state: 'failed'; reason: string }> {
  const scratch = join(dirname(place), '..', `.fetching-${randomUUID()}`)
  try {
    await mkdir(scratch, { recursive: true })
    const made = await make(scratch)
    if (made.state === 'failed') return made
    await chmod(made.path, 0o755)
    await mkdir(dirname(place), { recursive: true })
    await rename(made.path, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    return { state: 'had', path: place }
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    // Go writes its module cache read-only; a scratch folder that stays is harmless.
    await rm(scratch, { recursive: true, force: true }).catch(() => undefined)
  }
}
