import { randomUUID } from 'node:crypto'
import { access, chmod, constants, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'

export type ToolsFolder =
  | { state: 'ok'; path: string }
  | { state: 'missing'; reason: string; whatToDo: string }

/**
 * The folder of fetched tools: `VIGIL_TOOLS_DIR`, or `vigil/tools` in the user's cache folder.
 *
 * It depends on the user and not on `--out` or the checkout: building k6 takes minutes, so it is done once
 * per machine. The XDG base directory specification says that a relative `XDG_CACHE_HOME` is invalid and must
 * be ignored.
 */
export function toolsFolder(env: NodeJS.ProcessEnv): ToolsFolder {
  const named = env['VIGIL_TOOLS_DIR']
  if (named !== undefined && named !== '') return { state: 'ok', path: resolve(named) }
  const cache = env['XDG_CACHE_HOME']
  if (cache !== undefined && isAbsolute(cache)) return { state: 'ok', path: join(cache, 'vigil', 'tools') }
  const home = env['HOME']
  if (home !== undefined && isAbsolute(home))
    return { state: 'ok', path: join(home, '.cache', 'vigil', 'tools') }
  return {
    state: 'missing',
    reason: `no folder for tools: HOME is ${home ? `not an absolute path (${home})` : 'not set'}`,
    whatToDo: 'set VIGIL_TOOLS_DIR to the folder in which vigil keeps fetched tools',
  }
}

export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    // For a folder, X_OK only means that it can be entered.
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** How one way to fetch a tool ended. `skipped`: it does not apply to the tool or to this machine. */
export type FetchResult =
  | { state: 'ok'; path: string }
  | { state: 'skipped' }
  | { state: 'failed'; reason: string }

/**
 * Creates a program, or a folder with one, in a scratch folder and renames it into place. Of two vigil
 * processes that fetch the same tool at the same time, each creates a complete one: the last program stays,
 * and the first folder, which may be in use already.
 *
 * @param create leaves the program or folder in the scratch folder and returns its path, or why it could not
 */
export async function installAtomically(
  place: string,
  create: (scratch: string) => Promise<Exclude<FetchResult, { state: 'skipped' }>>,
): Promise<Exclude<FetchResult, { state: 'skipped' }>> {
  const scratch = join(dirname(place), '..', `.fetching-${randomUUID()}`)
  try {
    await mkdir(scratch, { recursive: true })
    const created = await create(scratch)
    if (created.state === 'failed') return created
    await chmod(created.path, 0o755)
    await mkdir(dirname(place), { recursive: true })
    await rename(created.path, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    return { state: 'ok', path: place }
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    // Go writes its module cache read-only; a scratch folder that stays does no harm.
    await rm(scratch, { recursive: true, force: true }).catch(() => undefined)
  }
}
