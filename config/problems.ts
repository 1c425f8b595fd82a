import { closest, distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { configSchema } from './schema.ts'

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
