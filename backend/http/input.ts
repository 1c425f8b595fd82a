// The type defaults of `defineEndpoint` state that a description without a schema has no input, and the app
// calls a handler with access 'user' only with a principal. The type checker can infer neither.
/* oxlint-disable typescript/no-unsafe-type-assertion */
import { z } from 'zod'
import { parseMediaType, parseJson, readBody } from './body.ts'
import type { Access, Endpoint, EndpointSpec, Input, RawInput, Reply } from './endpoint.ts'
import { Problem } from './respond.ts'
import type { InvalidField } from './respond.ts'
import type { Principal } from './scope.ts'

/** Defines an endpoint. Its handler receives only input that passed the schemas. */
export function defineEndpoint<
  P = Record<string, never>,
  Q = Record<string, never>,
  B = undefined,
  A extends Access = Access,
>(spec: EndpointSpec<P, Q, B, A>): Endpoint {
  return {
    spec,
    handle: (raw) =>
      spec.body === undefined && spec.rawBody === undefined
        ? spec.handle(readInput(spec, raw))
        : handleWithBody(spec, raw),
  }
}

async function handleWithBody<P, Q, B, A extends Access>(
  spec: EndpointSpec<P, Q, B, A>,
  raw: RawInput,
): Promise<Reply> {
  const input = readInput(spec, raw)
  input.mediaType = parseMediaType(raw.incoming)
  requireMediaType(spec, input.mediaType)
  input.bytes = await readBody(raw.incoming, spec.body?.maxBytes ?? spec.rawBody?.maxBytes ?? 0)
  if (spec.body !== undefined) input.body = check('body', spec.body.schema, parseJson(input.bytes))
  return spec.handle(input)
}

const nothing = Buffer.alloc(0)

function readInput<P, Q, B, A extends Access>(
  spec: EndpointSpec<P, Q, B, A>,
  raw: RawInput,
): Input<P, Q, B, A> {
  return {
    params: (spec.params === undefined ? raw.params : checkParams(spec.params, raw.params)) as P,
    query: checkQuery((spec.query ?? noQuery) as z.ZodType<Q>, raw.query),
    rawQuery: raw.query,
    // Set by handleWithBody if there is a body.
    body: undefined as B,
    bytes: nothing,
    mediaType: '',
    headers: raw.incoming.headers,
    scope: raw.scope,
    principal: raw.scope.principal as A extends 'user' ? Principal : undefined,
  }
}

const noQuery = z.strictObject({})

/**
 * Queries that were checked before, by schema. Clients send few different ones, and a check costs as much as
 * routing.
 */
const checkedQueries = new WeakMap<z.ZodType, Map<string, unknown>>()
const maxCheckedQueries = 500

function checkQuery<Q>(schema: z.ZodType<Q>, source: string): Q {
  let known = checkedQueries.get(schema)
  if (known === undefined) checkedQueries.set(schema, (known = new Map()))
  if (known.has(source)) return known.get(source) as Q
  const value = check('query', schema, parseQuery(source))
  if (known.size >= maxCheckedQueries) known.clear()
  if (source.length <= 200) known.set(source, Object.freeze(value))
  return value
}

function requireMediaType(
  spec: { body?: unknown; rawBody?: { mediaTypes: Readonly<Record<string, unknown>> } },
  found: string,
): void {
  const accepted = spec.rawBody === undefined ? ['application/json'] : Object.keys(spec.rawBody.mediaTypes)
  if (accepted.includes(found)) return
  throw new Problem('unsupported-media-type', { detail: `The body must be ${accepted.join(' or ')}` })
}

// A path with invalid parameters matches no resource.
function checkParams<P>(schema: z.ZodType<P>, params: Record<string, string>): P {
  const result = schema.safeParse(params)
  if (result.success) return result.data
  throw new Problem('not-found', { detail: 'No resource has this path' })
}

function parseQuery(query: string): Record<string, string> {
  if (query === '') return {}
  const values: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(values, name))
      throw new Problem('invalid', {
        detail: 'A query parameter is repeated',
        errors: [{ at: `query.${name.slice(0, 50)}`, message: 'expected once' }],
      })
    Object.defineProperty(values, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return values
}

function check<T>(part: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new Problem('invalid', {
    detail: `The ${part} is not as described`,
    errors: listInvalidFields(part, result.error),
  })
}

/** The number of items in a bulk request. */
const maxInvalidFields = 500

/** Lists the invalid fields that a schema found, without quoting their values. */
export function listInvalidFields(part: string, error: z.ZodError): InvalidField[] {
  return error.issues.slice(0, maxInvalidFields).map((issue) => ({
    at: [part, ...issue.path.map(String)].join('.').slice(0, 200),
    message: describeIssue(issue),
  }))
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message.slice(0, 200)
  return `unknown: ${issue.keys
    .slice(0, 5)
    .map((key) => JSON.stringify(key.slice(0, 50)))
    .join(', ')}`
}

/**
 * A schema for text of `min` to `max` characters, counted as in JSON Schema (code points), that PostgreSQL
 * can store: without NUL and lone surrogates.
 */
export function textSchema(min: number, max: number): z.ZodType<string, string> {
  return z
    .string()
    .superRefine((value, context) => {
      const message = describeInvalidText(value, min, max)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .meta({ minLength: min, maxLength: max, pattern: '^[^\\u0000]*$' })
}

function describeInvalidText(value: string, min: number, max: number): string | undefined {
  // A code point has one or two units, so counting is only needed between `max` and twice `max`.
  const length = value.length > max && value.length <= max * 2 ? Array.from(value).length : value.length
  if (length < min) return `expected at least ${min} character${min === 1 ? '' : 's'}`
  if (length > max) return `expected at most ${max} characters`
  if (value.includes('\0')) return 'expected no NUL character'
  return value.isWellFormed() ? undefined : 'expected no lone surrogate'
}
