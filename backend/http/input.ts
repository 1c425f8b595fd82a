// A description without a schema says by its types that there is nothing to read (see the defaults of `endpoint`), and
// one with access 'user' is only reached with a principal; the checker cannot follow either.
/* oxlint-disable typescript/no-unsafe-type-assertion */
import { z } from 'zod'
import { mediaType, parseJson, readBody } from './body.ts'
import type { Access, Endpoint, EndpointSpec, Input, RawInput, Reply } from './endpoint.ts'
import { Problem } from './problem.ts'
import type { Flaw } from './problem.ts'
import type { Principal } from './scope.ts'

/** An endpoint from its description. Its handler only sees input that passed the schemas. */
export function endpoint<
  P = Record<string, never>,
  Q = Record<string, never>,
  B = undefined,
  A extends Access = Access,
>(spec: EndpointSpec<P, Q, B, A>): Endpoint {
  return {
    spec,
    handle: (raw) =>
      spec.body === undefined && spec.rawBody === undefined
        ? spec.handle(withoutBody(spec, raw))
        : handleWithBody(spec, raw),
  }
}

async function handleWithBody<P, Q, B, A extends Access>(
  spec: EndpointSpec<P, Q, B, A>,
  raw: RawInput,
): Promise<Reply> {
  const input = withoutBody(spec, raw)
  input.mediaType = mediaType(raw.incoming)
  requireMediaType(spec, input.mediaType)
  input.bytes = await readBody(raw.incoming, spec.body?.maxBytes ?? spec.rawBody?.maxBytes ?? 0)
  if (spec.body !== undefined) input.body = check('body', spec.body.schema, parseJson(input.bytes))
  return spec.handle(input)
}

const nothing = Buffer.alloc(0)

function withoutBody<P, Q, B, A extends Access>(
  spec: EndpointSpec<P, Q, B, A>,
  raw: RawInput,
): Input<P, Q, B, A> {
  return {
    params: (spec.params === undefined ? raw.params : checkParams(spec.params, raw.params)) as P,
    query: checkedQuery((spec.query ?? noQuery) as z.ZodType<Q>, raw.query),
    rawQuery: raw.query,
    // Filled in by handleWithBody where there is one.
    body: undefined as B,
    bytes: nothing,
    mediaType: '',
    headers: raw.incoming.headers,
    scope: raw.scope,
    principal: raw.scope.principal as A extends 'user' ? Principal : undefined,
  }
}

const noQuery = z.strictObject({})

/** Queries that were checked before, by schema: clients send few different ones, and a check costs as much as a route. */
const checkedQueries = new WeakMap<z.ZodType, Map<string, unknown>>()
const maxCheckedQueries = 500

function checkedQuery<Q>(schema: z.ZodType<Q>, source: string): Q {
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

// A path that cannot name anything names nothing.
function checkParams<P>(schema: z.ZodType<P>, params: Record<string, string>): P {
  const result = schema.safeParse(params)
  if (result.success) return result.data
  throw new Problem('not-found', { detail: 'There is nothing at this path' })
}

function parseQuery(query: string): Record<string, string> {
  if (query === '') return {}
  const values: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(values, name))
      throw new Problem('invalid', {
        detail: 'A query parameter is there twice',
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

/** As many as a bulk request has items. */
const maxFlaws = 500

/** What a schema found wrong, without repeating the values. */
export function listInvalidFields(part: string, error: z.ZodError): Flaw[] {
  return error.issues.slice(0, maxFlaws).map((issue) => ({
    at: [part, ...issue.path.map(String)].join('.').slice(0, 200),
    message: messageOf(issue),
  }))
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message.slice(0, 200)
  return `not known here: ${issue.keys
    .slice(0, 5)
    .map((key) => JSON.stringify(key.slice(0, 50)))
    .join(', ')}`
}

/**
 * Text of `min` to `max` characters as JSON Schema counts them (code points), that PostgreSQL can hold: no NUL and no
 * half of a surrogate pair.
 */
export function text(min: number, max: number): z.ZodType<string, string> {
  return z
    .string()
    .superRefine((value, context) => {
      const flaw = textFlaw(value, min, max)
      if (flaw !== undefined) context.addIssue({ code: 'custom', message: flaw })
    })
    .meta({ minLength: min, maxLength: max, pattern: '^[^\\u0000]*$' })
}

function textFlaw(value: string, min: number, max: number): string | undefined {
  // A code point is one or two units, so only the lengths in between need counting.
  const length = value.length > max && value.length <= max * 2 ? Array.from(value).length : value.length
  if (length < min) return `expected at least ${min} character${min === 1 ? '' : 's'}`
  if (length > max) return `expected at most ${max} characters`
  if (value.includes('\0')) return 'expected no NUL character'
  return value.isWellFormed() ? undefined : 'expected no lone surrogate'
}
