import type { Response } from '../journey.ts'

/** Returns `undefined` for the expected status, else a sentence with both. */
export function expectStatus(response: Response, status: number): string | undefined {
  return response.status === status ? undefined : `status ${response.status}, expected ${status}`
}

/**
 * Returns `undefined` if the field, a path such as `user.email`, has this value, else a sentence with both.
 */
export function expectField(response: Response, path: string, value: unknown): string | undefined {
  const found = fieldOf(response, path)
  return found === value ? undefined : `${path} is ${shown(found)}, expected ${shown(value)}`
}

/** Returns `undefined` if each field has its value, else a sentence about the first that has not. */
export function expectFields(response: Response, fields: Record<string, unknown>): string | undefined {
  for (const [path, value] of Object.entries(fields)) {
    const problem = expectField(response, path, value)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Returns `undefined` if the field is a non-empty text. */
export function expectText(response: Response, path: string): string | undefined {
  const found = fieldOf(response, path)
  return typeof found === 'string' && found !== '' ? undefined : `${path} is ${typeof found}, expected text`
}

/** Reads a field of the response's JSON; undefined if it does not exist. */
export function fieldOf(response: Response, path: string): unknown {
  let at: unknown = response.json
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined
    // An inherited property (`constructor`) is not a field of the response.
    at = Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined
  }
  return at
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 80)
}
