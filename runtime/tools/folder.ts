import { isAbsolute, join, resolve } from 'node:path'

export type ToolsFolder =
  | { state: 'ok'; path: string }
  | { state: 'missing'; reason: string; whatToDo: string }

/**
 * The folder of fetched tools: `VIGIL_TOOLS_DIR`, or `vigil/tools` in the user's cache folder.
 *
 * It depends on the user and not on `--out` or the checkout: building k6 takes minutes, so it is done once per machine.
 * The XDG base directory specification says that a relative `XDG_CACHE_HOME` is invalid and must be ignored.
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
