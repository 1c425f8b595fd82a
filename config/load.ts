import { access, realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { importUserModule, loadJourneys } from '../journeys/client/index.ts'
import type { Journey, Secrets } from '../journeys/index.ts'
import { TextError } from '../record/store/index.ts'
import { configSchema } from './schema.ts'
import type { Config, ProbeConfig, SuiteConfig } from './schema.ts'
import { closest, distance } from 'fastest-levenshtein'
import { z } from 'zod'

/** A checked config with its journeys. All paths are absolute. */
export interface LoadedConfig {
  config: Config
  file: string
  journeysModule: string
  journeys: Journey[]
}

export type ConfigResult = { state: 'ok'; loaded: LoadedConfig } | UsageProblem

interface UsageProblem {
  state: 'usage-error'
  /** One line: file, path, expected, found. */
  problem: string
}

/** Reads and checks a config and the journeys that it names. */
export async function loadConfig(cwd: string, path: string): Promise<ConfigResult> {
  const file = await toRealPath(resolve(cwd, path))
  const imported = await importDefault(file)
  if (imported.state === 'usage-error') return imported
  const parsed = configSchema.safeParse(imported.value)
  if (!parsed.success) return usageError(`${file}: ${describeShapeProblem(parsed.error, imported.value)}`)
  const config = parsed.data
  const journeysModule = resolve(dirname(file), config.journeys)
  if (!(await exists(journeysModule)))
    return usageError(
      `${file}: journeys: ${journeysModule}: file not found, ` +
        'expected a module whose default export is an array of journeys',
    )
  const journeys = await loadJourneys(journeysModule)
  if (journeys.state === 'usage-error') return usageError(journeys.reason)
  const [problem] = findReferenceProblems(config, journeys.journeys)
  if (problem) return usageError(`${file}: ${problem.path}: ${problem.message}`)
  return { state: 'ok', loaded: { config, file, journeysModule, journeys: journeys.journeys } }
}

export type SecretsResult = { state: 'ok'; values: Secrets } | UsageProblem

/** The values of the config's secrets. The problem names the variable, and never its value. */
export function readSecrets(
  { config, file }: LoadedConfig,
  env: Readonly<Record<string, string | undefined>>,
): SecretsResult {
  const values: Record<string, string> = {}
  for (const [index, name] of (config.secrets ?? []).entries()) {
    const value = env[name]
    if (value === undefined || value.length < minSecretLength) {
      const found = value === undefined || value === '' ? 'nothing' : `${value.length} characters`
      const expected = `at least ${minSecretLength} characters in the environment variable ${name}`
      return usageError(`${file}: secrets.${index}: ${name}: expected ${expected}, got ${found}`)
    }
    values[name] = value
  }
  return { state: 'ok', values }
}

/** A shorter value cannot be removed from texts without removing much else. */
const minSecretLength = 4

function usageError(problem: string): UsageProblem {
  return { state: 'usage-error', problem }
}

async function importDefault(file: string): Promise<{ state: 'ok'; value: unknown } | UsageProblem> {
  if (!(await exists(file)))
    return usageError(
      `${file}: file not found, expected a vigil config: ` +
        "create one with a default export, or name another file with '--config FILE'",
    )
  try {
    const { default: value } = await importUserModule(file)
    return value === undefined
      ? usageError(`${file}: default export: expected a vigil config, got none`)
      : { state: 'ok', value }
  } catch (error) {
    if (error instanceof TextError) return usageError(error.message)
    return usageError(`${locateError(error, file)}: ${describeError(error)}, expected a vigil config`)
  }
}

// Paths in a config are relative to the file itself, not to a link to it. A missing file is named as typed.
async function toRealPath(file: string): Promise<string> {
  return realpath(file).catch(() => file)
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch {
    return false
  }
}

// The stack of a runtime error contains `file:///a/b.ts:12:3`, the first line of a syntax error's
// `/a/b.ts:12`.
function locateError(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = /(?:file:\/\/)?(\/[^\s():]+\.[cm]?[jt]s):(\d+)/.exec(stack)
  return at?.[1] !== undefined && !at[1].includes('/node_modules/') ? `${at[1]}:${at[2]}` : file
}

function describeError(error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return (message.split('\n').find((line) => line.trim() !== '') ?? message).trim().slice(0, 300)
}

/** A problem of a config: its path, and what was expected and found. */
export interface ConfigProblem {
  path: string
  message: string
}

/** Finds what the shape cannot express: which settings go together, and names that do not exist. */
export function findReferenceProblems(config: Config, journeys: readonly Journey[]): ConfigProblem[] {
  const names = journeys.map(({ name }) => name)
  return [
    ...Object.entries(config.suites).flatMap(([name, suite]) =>
      findSuiteProblems(suite, `suites.${name}`, journeys),
    ),
    ...Object.entries(config.probes ?? {}).flatMap(([name, probe]) =>
      findProbeProblems(probe, `probes.${name}`, names),
    ),
    ...findUnknownNames(config.gate?.suites ?? [], Object.keys(config.suites), 'gate.suites', 'suite'),
    ...findUnknownNames(config.gate?.probes ?? [], Object.keys(config.probes ?? {}), 'gate.probes', 'probe'),
    ...(config.target.command && !config.target.ready
      ? [
          {
            path: 'target.ready',
            message: 'expected the path that answers 2xx once the command is up, got nothing',
          },
        ]
      : []),
  ]
}

function findSuiteProblems(suite: SuiteConfig, at: string, journeys: readonly Journey[]): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if ((suite.journeys === undefined) === (suite.script === undefined)) {
    const found = suite.journeys === undefined ? 'neither' : 'both'
    problems.push({ path: at, message: `expected either journeys or script, got ${found}` })
  }
  if (suite.journeys && Object.keys(suite.journeys).length === 0)
    problems.push({ path: `${at}.journeys`, message: 'expected at least one journey, got none' })
  if (suite.script !== undefined && suite.engine !== 'k6')
    problems.push({
      path: `${at}.engine`,
      message: `expected k6, because a script is a k6 script, got ${suite.engine}`,
    })
  if (suite.script === undefined && suite.env !== undefined)
    problems.push({ path: `${at}.env`, message: 'expected it with a script only, got journeys' })
  const { metrics, checks } = suite.budgets ?? {}
  if (suite.script === undefined && (metrics ?? checks) !== undefined)
    problems.push({
      path: `${at}.budgets.${metrics === undefined ? 'checks' : 'metrics'}`,
      message: 'expected it with a k6 script only, since journeys count none, got journeys',
    })
  const chosen = Object.keys(suite.journeys ?? {})
  for (const { name, steps } of journeys) {
    const polling = chosen.includes(name) ? steps.find((step) => step.until !== undefined) : undefined
    if (polling)
      problems.push({
        path: `${at}.journeys.${name}`,
        message:
          `expected a journey that does not wait, got one whose step ${polling.name} waits (until): ` +
          'waiting makes no steady load, so use this journey in a probe',
      })
  }
  return [
    ...problems,
    ...findUnknownNames(
      chosen,
      journeys.map(({ name }) => name),
      `${at}.journeys`,
      'journey',
    ),
  ]
}

function findProbeProblems(probe: ProbeConfig, at: string, journeys: readonly string[]): ConfigProblem[] {
  return 'journey' in probe ? findUnknownNames([probe.journey], journeys, `${at}.journey`, 'journey') : []
}

function findUnknownNames(
  found: readonly string[],
  known: readonly string[],
  at: string,
  what: string,
): ConfigProblem[] {
  return found
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: at,
      message: `expected the name of a ${what}, got ${JSON.stringify(name)}${suggestName(name, known)}`,
    }))
}

/** Describes the first problem of a config's shape: `path: expected X, got Y`. */
export function describeShapeProblem(error: z.ZodError, value: unknown): string {
  const issue = error.issues[0]
  if (!issue) return 'not a vigil config'
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    return `${[...path, key].join('.')}: unknown setting${suggestName(key, findKnownKeys(path))}`
  }
  const expectation = describeExpectation(issue)
  const found = issue.path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  )
  const got = expectation.includes(', got ') ? '' : `, got ${describeValue(found)}`
  return `${path.join('.') || 'default export'}: ${expectation}${got}`
}

// A value can be a secret (a URL with a password), so only values that cannot contain one are shown.
function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'string')
    return value.length <= 40 && !/[@:]/.test(value) ? JSON.stringify(value) : 'a string'
  return Array.isArray(value) ? 'an array' : withArticle(typeof value)
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`
}

function describeExpectation(issue: z.core.$ZodIssue): string {
  // zod's default messages begin with a capital letter.
  if (issue.message.startsWith('expected')) return issue.message
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${withArticle(issue.expected === 'record' ? 'object' : issue.expected)}`
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => String(value)).join(', ')}`
    case 'too_small':
      if (issue.origin === 'string') return 'expected text'
      if (issue.minimum === 0 && !issue.inclusive) return 'expected a positive number'
      return `expected at least ${issue.minimum}`
    case 'too_big':
      return `expected at most ${issue.maximum}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_element':
    case 'custom':
      return issue.message
  }
}

/** The settings that exist at a path of the config, for "did you mean". */
function findKnownKeys(path: readonly string[]): string[] {
  let schema: unknown = configSchema
  for (const key of path) {
    const parent = unwrap(schema)
    if (parent instanceof z.ZodObject) schema = parent.shape[key]
    else schema = parent instanceof z.ZodRecord ? parent.valueType : undefined
  }
  const known = unwrap(schema)
  return known instanceof z.ZodObject ? Object.keys(known.shape) : []
}

/** The schema inside of optional and transformed ones. */
function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodExactOptional) return unwrap(schema.unwrap())
  return schema instanceof z.ZodPipe ? unwrap(schema.in) : schema
}

/** ` (did you mean X?)` if a known name is similar enough, else the known names. */
export function suggestName(found: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const candidate = closest(found, known)
  if (distance(found.toLowerCase(), candidate.toLowerCase()) <= Math.max(2, Math.floor(found.length / 3)))
    return ` (did you mean ${candidate}?)`
  return ` (there are: ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', …' : ''})`
}
