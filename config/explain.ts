import type { z } from 'zod'
import { nearest } from './names.ts'
import { configSchema } from './schema.ts'

/** The first thing wrong with a config's shape, as `path: found X, expected Y`. */
export function shapeProblem(error: z.ZodError, value: unknown): string {
  const issue = error.issues[0]
  if (!issue) return 'not a vigil config'
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    return `${[...path, key].join('.')}: unknown setting${nearest(key, knownKeys(path))}`
  }
  const found = issue.path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  )
  return `${path.join('.') || 'default export'}: found ${shown(found)}, ${expectation(issue)}`
}

// A value can be a secret (a URL with a password in it), so only what cannot hold one is shown as it is.
function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'string')
    return value.length <= 40 && !/[@:]/.test(value) ? JSON.stringify(value) : 'a string'
  return Array.isArray(value) ? 'an array' : `a${typeof value === 'object' ? 'n object' : ` ${typeof value}`}`
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected === 'never' ? issue.message : issue.expected}`
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => String(value)).join(', ')}`
    case 'too_small':
      return issue.message.startsWith('expected')
        ? issue.message
        : `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
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
  return typeof inner === 'object' &&
    inner !== null &&
    'shape' in inner &&
    typeof inner.shape === 'object' &&
    inner.shape !== null
    ? inner.shape
    : undefined
}

function unwrapped(schema: unknown): unknown {
  if (
    typeof schema === 'object' &&
    schema !== null &&
    'unwrap' in schema &&
    typeof schema.unwrap === 'function'
  ) {
    const inner: unknown = schema.unwrap()
    return unwrapped(inner)
  }
  return schema
}
