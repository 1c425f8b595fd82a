import type { Response } from '../journey.ts'

/** `undefined` when the status is the one the contract names; else both, for the reader. */
export function expectStatus(response: Response, status: number): string | undefined {
  return response.status === status ? undefined : `status ${response.status}, expected ${status}`
}

/** `undefined` when the field, a path such as `user.email`, has this value; else what it has instead. */
export function expectField(response: Response, path: string, value: unknown): string | undefined {
  const found = fieldOf(response, path)
  return found === value ? undefined : `${path} is ${shown(found)}, expected ${shown(value)}`
}

/** `undefined` when the field is text that is not empty. */
export function expectText(response: Response, path: string): string | undefined {
  const found = fieldOf(response, path)
  return typeof found === 'string' && found !== '' ? undefined : `${path} is ${typeof found}, expected text`
}

/** A field of the answer's JSON, or undefined where there is none. */
export function fieldOf(response: Response, path: string): unknown {
  let at: unknown = response.json
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined
    // What is inherited (`constructor`) is no field of an answer.
    at = Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined
  }
  return at
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 80)
}
