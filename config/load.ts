import { access, realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { importUserModule, loadJourneys } from '../journeys/client/index.ts'
import type { Journey, Secrets } from '../journeys/index.ts'
import { TextError } from '../record/store/index.ts'
import { describeShapeProblem, suggestName } from './problems.ts'
import { configSchema } from './schema.ts'
import type { Config, ProbeConfig, SuiteConfig } from './schema.ts'

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
