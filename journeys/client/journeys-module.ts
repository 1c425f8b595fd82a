import { pathToFileURL } from 'node:url'
import { toOneLine } from '../../record/index.ts'
import type { Journey } from '../index.ts'
import { importUserModule } from './user-module.ts'

export type LoadedJourneys = { state: 'ok'; journeys: Journey[] } | { state: 'usage-error'; reason: string }

const importTimeoutMs = 10_000

/**
 * Imports a journeys module, whose default export is `Journey[]`. Describes the first problem in one line for
 * its author: the file, the place, what was expected and what was found.
 *
 * @param modulePath absolute
 */
export async function loadJourneys(modulePath: string): Promise<LoadedJourneys> {
  const usageError = (what: string, line = ''): LoadedJourneys => ({
    state: 'usage-error',
    reason: `${modulePath}${line}: ${toOneLine(what, 300)}`,
  })
  let exported: unknown
  try {
    exported = await importDefault(modulePath)
  } catch (error) {
    return usageError(importProblem(error, modulePath), findLine(error, modulePath))
  }
  if (exported === undefined) return usageError('default export: expected an array of journeys, got none')
  const [first, ...others] = findJourneyProblems(exported)
  if (first !== undefined)
    return usageError(
      `default export: ${first}${others.length > 0 ? ` (and ${others.length} more problems)` : ''}`,
    )
  return isJourneys(exported)
    ? { state: 'ok', journeys: exported }
    : usageError('default export: expected an array of journeys')
}

async function importDefault(modulePath: string): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () =>
      reject(
        new Error(`did not load within ${importTimeoutMs / 1000} s: does its top level wait for something?`),
      ),
    importTimeoutMs,
  )
  try {
    return (await Promise.race([importUserModule(modulePath), late])).default
  } finally {
    clearTimeout(timer)
  }
}

function importProblem(error: unknown, modulePath: string): string {
  if (!(error instanceof Error)) return `threw ${String(error)} while loading`
  const code = 'code' in error ? error.code : undefined
  if (code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${modulePath}' imported`))
    return 'file not found'
  const what = error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
  return what.split('\n').find((line) => line.trim() !== '') ?? 'threw while loading'
}

// The line in the module, `:12`. A stack has `file:///path:line` for syntax errors, `path:line:column` in
// frames.
function findLine(error: unknown, modulePath: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const name of [pathToFileURL(modulePath).href, modulePath]) {
    const at = stack.indexOf(`${name}:`)
    if (at !== -1) return /^:\d+/.exec(stack.slice(at + name.length))?.[0] ?? ''
  }
  return ''
}

/** Finds the problems of a journeys module's default export, each one line with its place. */
export function findJourneyProblems(exported: unknown): string[] {
  if (!Array.isArray(exported)) return [`expected an array of journeys, got ${describeType(exported)}`]
  const journeys: unknown[] = exported
  return [
    ...journeys.flatMap((journey, index) => findProblemsOfJourney(journey, `[${index}]`)),
    ...findRepeatedNames(journeys, ''),
  ]
}

function isJourneys(exported: unknown): exported is Journey[] {
  return findJourneyProblems(exported).length === 0
}

function findProblemsOfJourney(journey: unknown, at: string): string[] {
  if (!isObject(journey)) return [`${at}: expected a journey, got ${describeType(journey)}`]
  return [
    ...findNameProblems(journey['name'], `${at}.name`),
    ...findPhaseProblems(journey['before'] ?? [], `${at}.before`),
    ...findPhaseProblems(journey['steps'], `${at}.steps`),
    ...(Array.isArray(journey['steps']) && journey['steps'].length === 0
      ? [`${at}.steps: expected at least one step, got none`]
      : []),
    ...findPhaseProblems(journey['after'] ?? [], `${at}.after`),
  ]
}

function findPhaseProblems(phase: unknown, at: string): string[] {
  if (!Array.isArray(phase)) return [`${at}: expected an array of steps, got ${describeType(phase)}`]
  const steps: unknown[] = phase
  return [
    ...steps.flatMap((step, index) => findStepProblems(step, `${at}[${index}]`)),
    ...findRepeatedNames(steps, at),
  ]
}

function findStepProblems(step: unknown, at: string): string[] {
  if (!isObject(step)) return [`${at}: expected a step, got ${describeType(step)}`]
  const functions = ['request', 'check', 'save'].filter(
    (name) => name === 'request' || step[name] !== undefined,
  )
  return [
    ...findNameProblems(step['name'], `${at}.name`),
    ...findStatusProblems(step['status'], `${at}.status`),
    ...findUntilProblems(step['until'], `${at}.until`),
    ...functions.flatMap((name) =>
      typeof step[name] === 'function'
        ? []
        : [`${at}.${name}: expected a function, got ${describeType(step[name])}`],
    ),
  ]
}

// 1xx is never the answer to a request.
function findStatusProblems(status: unknown, at: string): string[] {
  if (status === undefined) return []
  const statuses: unknown[] = Array.isArray(status) ? status : [status]
  const isValid =
    statuses.length > 0 &&
    statuses.every((one) => typeof one === 'number' && Number.isInteger(one) && one >= 200 && one <= 599)
  if (isValid) return []
  return [`${at}: expected an HTTP status from 200 to 599 or a list of them, got ${describeValue(status)}`]
}

function findUntilProblems(until: unknown, at: string): string[] {
  if (until === undefined) return []
  if (!isObject(until)) return [`${at}: expected { everyMs, timeoutMs }, got ${describeType(until)}`]
  return ['everyMs', 'timeoutMs'].flatMap((name) => {
    const value = until[name]
    return typeof value === 'number' && value >= 0 && value <= 600_000
      ? []
      : [`${at}.${name}: expected milliseconds from 0 to 600000, got ${describeValue(value)}`]
  })
}

function findRepeatedNames(items: unknown[], at: string): string[] {
  const seen = new Set<unknown>()
  return items.flatMap((item, index) => {
    const name = isObject(item) ? item['name'] : undefined
    if (name === undefined || !seen.has(name)) {
      seen.add(name)
      return []
    }
    return [`${at}[${index}].name: expected unique names, got ${describeValue(name)} twice`]
  })
}

// Names become metric labels, record keys and file names, so no slashes, quotes, spaces or control
// characters.
function findNameProblems(name: unknown, at: string): string[] {
  if (typeof name === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return []
  return [`${at}: expected 1 to 64 letters, digits, '.', '_' or '-', got ${describeValue(name)}`]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// Not by JSON, which a bigint or a cycle would make throw.
function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100))
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!Array.isArray(value)) return describeType(value)
  const items = value.slice(0, 10).map((item) => (Array.isArray(item) ? 'an array' : describeValue(item)))
  return `[${items.join(', ')}]`
}

function describeType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
