import { access } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { z } from 'zod'
import { isJourneys, journeyProblems } from '../journeys/index.ts'
import type { Journey } from '../journeys/index.ts'
import type { Config } from './config.ts'
import { nearest } from './names.ts'
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

function shapeProblem(error: z.ZodError, value: unknown): string {
  const issue = error.issues[0]
  if (!issue) return 'not a vigil config'
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    return `${[...path, key].join('.')}: unknown setting${nearest(key, knownKeys(path))}`
  }
  const found = issue.path.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined), value)
  return `${path.join('.') || 'default export'}: found ${shown(found)}, ${expectation(issue)}`
}

// A value can be a secret (a URL with a password in it), so only what cannot hold one is shown as it is.
function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'string') return value.length <= 40 && !/[@:]/.test(value) ? JSON.stringify(value) : 'a string'
  return Array.isArray(value) ? 'an array' : `a${typeof value === 'object' ? 'n object' : ` ${typeof value}`}`
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected === 'never' ? issue.message : issue.expected}`
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => String(value)).join(', ')}`
    case 'too_small':
      return issue.message.startsWith('expected') ? issue.message : `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
    case 'too_big':
      return issue.message.startsWith('expected') ? issue.message : `expected at most ${issue.maximum}`
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return issue.message
  }
}

/** The settings known at a place of the config, for "did you mean". */
function knownKeys(path: readonly string[]): string[] {
  let schema: unknown = configSchema
  for (const key of path) schema = childSchema(schema, key)
  const shape = shapeOf(schema)
  return shape ? Object.keys(shape) : []
}

function childSchema(schema: unknown, key: string): unknown {
  const shape = shapeOf(schema)
  if (shape) return Reflect.get(shape, key)
  const inner = unwrapped(schema)
  return typeof inner === 'object' && inner !== null && 'valueType' in inner ? inner.valueType : undefined
}

function shapeOf(schema: unknown): object | undefined {
  const inner = unwrapped(schema)
  return typeof inner === 'object' && inner !== null && 'shape' in inner && typeof inner.shape === 'object' && inner.shape !== null ? inner.shape : undefined
}

function unwrapped(schema: unknown): unknown {
  if (typeof schema === 'object' && schema !== null && 'unwrap' in schema && typeof schema.unwrap === 'function') {
    const inner: unknown = schema.unwrap()
    return unwrapped(inner)
  }
  return schema
}
