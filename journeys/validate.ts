import type { Journey } from './journey.ts'

/** Problems with a journeys module's default export, each one line with its place; none means it can be run. */
export function journeyProblems(exported: unknown): string[] {
  if (!Array.isArray(exported)) return [`found ${kind(exported)}, expected an array of journeys`]
  const journeys: unknown[] = exported
  return [
    ...journeys.flatMap((journey, index) => oneJourneyProblems(journey, `[${index}]`)),
    ...repeatedNames(journeys, ''),
  ]
}

/** Narrows a journeys module's default export once `journeyProblems` has found none. */
export function isJourneys(exported: unknown): exported is Journey[] {
  return journeyProblems(exported).length === 0
}

function oneJourneyProblems(journey: unknown, at: string): string[] {
  if (!isObject(journey)) return [`${at}: found ${kind(journey)}, expected a journey`]
  return [
    ...nameProblems(journey['name'], `${at}.name`),
    ...phaseProblems(journey['before'] ?? [], `${at}.before`),
    ...phaseProblems(journey['steps'], `${at}.steps`),
    ...(Array.isArray(journey['steps']) && journey['steps'].length === 0
      ? [`${at}.steps: found none, expected at least one step`]
      : []),
    ...phaseProblems(journey['after'] ?? [], `${at}.after`),
  ]
}

function phaseProblems(phase: unknown, at: string): string[] {
  if (!Array.isArray(phase)) return [`${at}: found ${kind(phase)}, expected an array of steps`]
  const steps: unknown[] = phase
  return [
    ...steps.flatMap((step, index) => stepProblems(step, `${at}[${index}]`)),
    ...repeatedNames(steps, at),
  ]
}

function stepProblems(step: unknown, at: string): string[] {
  if (!isObject(step)) return [`${at}: found ${kind(step)}, expected a step`]
  const functions = ['request', 'check', 'save'].filter(
    (name) => name === 'request' || step[name] !== undefined,
  )
  return [
    ...nameProblems(step['name'], `${at}.name`),
    ...untilProblems(step['until'], `${at}.until`),
    ...functions.flatMap((name) =>
      typeof step[name] === 'function'
        ? []
        : [`${at}.${name}: found ${kind(step[name])}, expected a function`],
    ),
  ]
}

function untilProblems(until: unknown, at: string): string[] {
  if (until === undefined) return []
  if (!isObject(until)) return [`${at}: found ${kind(until)}, expected { everyMs, timeoutMs }`]
  return ['everyMs', 'timeoutMs'].flatMap((name) => {
    const value = until[name]
    return typeof value === 'number' && value >= 0 && value <= 600_000
      ? []
      : [
          `${at}.${name}: found ${JSON.stringify(value) ?? kind(value)}, expected milliseconds from 0 to 600000`,
        ]
  })
}

function repeatedNames(items: unknown[], at: string): string[] {
  const seen = new Set<unknown>()
  return items.flatMap((item, index) => {
    const name = isObject(item) ? item['name'] : undefined
    if (name === undefined || !seen.has(name)) {
      seen.add(name)
      return []
    }
    return [`${at}[${index}].name: ${JSON.stringify(name)} is there twice, expected names to differ`]
  })
}

// Names become metric labels, record keys and file names: no slashes, quotes, spaces or control characters.
function nameProblems(name: unknown, at: string): string[] {
  if (typeof name === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return []
  return [
    `${at}: found ${JSON.stringify(name) ?? kind(name)}, expected 1 to 64 letters, digits, '.', '_' or '-'`,
  ]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kind(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
