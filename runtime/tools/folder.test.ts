import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toolsFolder } from './folder.ts'

describe('the tools folder is', () => {
  it.each<[string, NodeJS.ProcessEnv, string]>([
    [
      'what VIGIL_TOOLS_DIR names',
      { VIGIL_TOOLS_DIR: '/t', XDG_CACHE_HOME: '/cache', HOME: '/home/a' },
      '/t',
    ],
    ['absolute', { VIGIL_TOOLS_DIR: 't' }, join(process.cwd(), 't')],
    [
      'else in XDG_CACHE_HOME',
      { VIGIL_TOOLS_DIR: '', XDG_CACHE_HOME: '/cache', HOME: '/home/a' },
      '/cache/vigil/tools',
    ],
    ['else in ~/.cache', { HOME: '/home/a' }, '/home/a/.cache/vigil/tools'],
    [
      'in ~/.cache when XDG_CACHE_HOME is empty',
      { XDG_CACHE_HOME: '', HOME: '/home/a' },
      '/home/a/.cache/vigil/tools',
    ],
    [
      'in ~/.cache when XDG_CACHE_HOME is relative, which its specification calls invalid',
      { XDG_CACHE_HOME: 'cache', HOME: '/home/a' },
      '/home/a/.cache/vigil/tools',
    ],
  ])('%s', (_, env, path) => {
    expect(toolsFolder(env)).toEqual({ state: 'ok', path })
  })

  it.each<[NodeJS.ProcessEnv, string]>([
    [{}, 'HOME is not set'],
    [{ HOME: '' }, 'HOME is not set'],
    [{ HOME: 'relative', XDG_CACHE_HOME: 'cache' }, 'HOME is not an absolute path (relative)'],
  ])('missing without a home: %j', (env, reason) => {
    expect(toolsFolder(env)).toEqual({
      state: 'missing',
      reason: `no folder for tools: ${reason}`,
      whatToDo: 'set VIGIL_TOOLS_DIR to the folder in which vigil keeps fetched tools',
    })
  })
})
