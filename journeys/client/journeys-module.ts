import { pathToFileURL } from 'node:url'
import { journeyProblems, isJourneys } from '../index.ts'
import type { Journey } from '../index.ts'
import { toOneLine } from '../../record/index.ts'

export type LoadedJourneys =
  | { state: 'loaded'; journeys: Journey[] }
  | { state: 'usage-error'; reason: string }

const importLimitMs = 10_000

/**
 * Imports a journeys module, whose default export is `Journey[]`. Whatever is wrong with it is one line for its author,
 * with the file, the place and what was found.
 *
 * @param modulePath absolute
 */
export async function loadJourneys(modulePath: string): Promise<LoadedJourneys> {
  const misused = (what: string, line = ''): LoadedJourneys => ({
    state: 'usage-error',
    reason: `${modulePath}${line}: ${toOneLine(what, 300)}`,
  })
  let exported: unknown
  try {
    exported = await importDefault(modulePath)
  } catch (error) {
    return misused(importProblem(error, modulePath), lineOf(error, modulePath))
  }
  if (exported === undefined) return misused('has no default export, expected an array of journeys')
  const [first, ...others] = journeyProblems(exported)
  if (first !== undefined)
    return misused(
      `default export: ${first}${others.length > 0 ? ` (and ${others.length} more problems)` : ''}`,
    )
  return isJourneys(exported)
    ? { state: 'loaded', journeys: exported }
    : misused('default export: no array of journeys')
}

async function importDefault(modulePath: string): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () =>
      reject(
        new Error(
          `did not load within ${importLimitMs / 1000} s: does it wait for something at its top level?`,
        ),
      ),
    importLimitMs,
  )
  try {
    const module: { default?: unknown } = await Promise.race([import(pathToFileURL(modulePath).href), late])
    return module.default
  } finally {
    clearTimeout(timer)
  }
}

function importProblem(error: unknown, modulePath: string): string {
  if (!(error instanceof Error)) return `threw ${String(error)} when it was loaded`
  const code = 'code' in error ? error.code : undefined
  if (code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${modulePath}' imported`))
    return 'not there'
  const what = error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
  return what.split('\n').find((line) => line.trim() !== '') ?? 'threw when it was loaded'
}

// The module's own line, `:12`, from the stack: as `file:///path:line` for syntax errors, `path:line:column` in frames.
function lineOf(error: unknown, modulePath: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const name of [pathToFileURL(modulePath).href, modulePath]) {
    const at = stack.indexOf(`${name}:`)
    if (at !== -1) return /^:\d+/.exec(stack.slice(at + name.length))?.[0] ?? ''
  }
  return ''
}
