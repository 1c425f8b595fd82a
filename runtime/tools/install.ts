import { randomUUID } from 'node:crypto'
import { access, chmod, constants, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/**
 * Makes a program in a scratch folder of its own and moves it into place whole: two vigils that fetch the same tool at
 * once each bring a whole one, and the last wins.
 *
 * @param make leaves the program in the scratch folder and returns its path, or says why not
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
    await rename(made.path, place)
    return { state: 'had', path: place }
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    // Go writes its module cache read-only; a scratch folder that stays is harmless.
    await rm(scratch, { recursive: true, force: true }).catch(() => undefined)
  }
}
