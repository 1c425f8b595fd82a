import { access } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isJourneys, journeyProblems } from '../journeys/index.ts'
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

/** Reads and checks a config and the journeys it names. A problem is one line: file, path, found, expected. */
export async function loadConfig(cwd: string, path: string): Promise<ConfigResult> {
  const file = resolve(cwd, path)
  const imported = await importDefault(file, 'a vigil config', "make one with a default export, or point to one with '--config FILE'")
  if (imported.state === 'wrong') return imported
  const parsed = configSchema.safeParse(imported.value)
  if (!parsed.success) return { state: 'wrong', problem: `${file}: ${shapeProblem(parsed.error, imported.value)}` }
  const journeysModule = resolve(dirname(file), parsed.data.journeys)
  const journeys = await loadJourneys(journeysModule)
  if (journeys.state === 'wrong') return { state: 'wrong', problem: journeys.missing ? `${file}: journeys: ${journeys.problem}` : journeys.problem }
  const [problem] = referenceProblems(parsed.data, journeys.journeys.map((journey) => journey.name))
  if (problem) return { state: 'wrong', problem: `${file}: ${problem.path}: ${problem.message}` }
  return { state: 'loaded', loaded: { config: settled(parsed.data), file, journeysModule, journeys: journeys.journeys } }
}

type JourneysResult = { state: 'loaded'; journeys: Journey[] } | { state: 'wrong'; problem: string; missing: boolean }

/** Imports a journeys module and checks that what it exports can be run. */
export async function loadJourneys(module: string): Promise<JourneysResult> {
  const imported = await importDefault(module, 'a module whose default export is an array of journeys', '')
  if (imported.state === 'wrong') return imported
  if (isJourneys(imported.value)) return { state: 'loaded', journeys: imported.value }
  return { state: 'wrong', problem: `${module}: default export: ${journeyProblems(imported.value)[0] ?? ''}`, missing: false }
}

type Imported = { state: 'imported'; value: unknown } | { state: 'wrong'; problem: string; missing: boolean }

async function importDefault(file: string, expected: string, advice: string): Promise<Imported> {
  try {
    await access(file)
  } catch {
    return { state: 'wrong', problem: `${file}: not there, expected ${expected}${advice && `: ${advice}`}`, missing: true }
  }
  try {
    const module: unknown = await import(pathToFileURL(file).href)
    const value = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
    if (value === undefined) return { state: 'wrong', problem: `${file}: no default export, expected ${expected}`, missing: false }
    return { state: 'imported', value }
  } catch (error) {
    return { state: 'wrong', problem: `${whereThrown(error, file)}: ${whatWasThrown(error)}, expected ${expected}`, missing: false }
  }
}

// `file:///a/b.ts:12:3` stands in the stack of a runtime error, `/a/b.ts:12` on the first line of a syntax error's.
function whereThrown(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = /(?:file:\/\/)?(\/[^\s():]+\.[cm]?[jt]s):(\d+)/.exec(stack)
  return at?.[1] !== undefined && !at[1].includes('/node_modules/') ? `${at[1]}:${at[2]}` : file
}

function whatWasThrown(error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return (message.split('\n').find((line) => line.trim() !== '') ?? message).trim().slice(0, 300)
}
