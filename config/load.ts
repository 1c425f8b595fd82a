import { access } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadJourneys } from '../journeys/client/index.ts'
import type { Journey } from '../journeys/index.ts'
import type { Config } from './config.ts'
import { shapeProblem } from './explain.ts'
import { referenceProblems, settled } from './references.ts'
import { configSchema } from './schema.ts'

/** A config that was read and checked, with its journeys, all paths absolute. */
export interface LoadedConfig {
  config: Config
  /** Absolute. */
  file: string
  /** Absolute path of the journeys module. */
  journeysModule: string
  journeys: Journey[]
}

export type ConfigResult = { state: 'loaded'; loaded: LoadedConfig } | { state: 'wrong'; problem: string }

/**
 * Reads and checks a config and the journeys it names. A problem is one line: file, path, found, expected.
 */
export async function loadConfig(cwd: string, path: string): Promise<ConfigResult> {
  const file = resolve(cwd, path)
  const imported = await importDefault(
    file,
    'a vigil config',
    "make one with a default export, or point to one with '--config FILE'",
  )
  if (imported.state === 'wrong') return imported
  const parsed = configSchema.safeParse(imported.value)
  if (!parsed.success)
    return { state: 'wrong', problem: `${file}: ${shapeProblem(parsed.error, imported.value)}` }
  const journeysModule = resolve(dirname(file), parsed.data.journeys)
  if (!(await isThere(journeysModule)))
    return {
      state: 'wrong',
      problem:
        `${file}: journeys: ${journeysModule}: not there, expected a module whose default export is an ` +
        'array of journeys',
    }
  const journeys = await loadJourneys(journeysModule)
  if (journeys.state === 'usage-error') return { state: 'wrong', problem: journeys.reason }
  const [problem] = referenceProblems(parsed.data, journeys.journeys)
  if (problem) return { state: 'wrong', problem: `${file}: ${problem.path}: ${problem.message}` }
  return {
    state: 'loaded',
    loaded: { config: settled(parsed.data), file, journeysModule, journeys: journeys.journeys },
  }
}

type Imported = { state: 'imported'; value: unknown } | { state: 'wrong'; problem: string }

async function importDefault(file: string, expected: string, advice: string): Promise<Imported> {
  if (!(await isThere(file)))
    return { state: 'wrong', problem: `${file}: not there, expected ${expected}: ${advice}` }
  try {
    const module: unknown = await import(pathToFileURL(file).href)
    const value =
      typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
    if (value === undefined)
      return { state: 'wrong', problem: `${file}: no default export, expected ${expected}` }
    return { state: 'imported', value }
  } catch (error) {
    return {
      state: 'wrong',
      problem: `${whereThrown(error, file)}: ${whatWasThrown(error)}, expected ${expected}`,
    }
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch {
    return false
  }
}

// `file:///a/b.ts:12:3` stands in the stack of a runtime error, `/a/b.ts:12` on the first line of a syntax
// error's.
function whereThrown(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = /(?:file:\/\/)?(\/[^\s():]+\.[cm]?[jt]s):(\d+)/.exec(stack)
  return at?.[1] !== undefined && !at[1].includes('/node_modules/') ? `${at[1]}:${at[2]}` : file
}

function whatWasThrown(error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return (message.split('\n').find((line) => line.trim() !== '') ?? message).trim().slice(0, 300)
}
