import type { MiddlewareHandler } from 'hono'
import { uniqueSymbol, validator } from 'hono-openapi'
import { z } from 'zod'
import { readJson } from './body.ts'
import { describeBody, documented, inputSchema } from './description.ts'
import { Problem } from './problem.ts'
import type { InvalidField } from './problem.ts'
import type { AppEnv } from './scope.ts'

/** Validates the query parameters of a route, and describes them. */
export function query<S extends z.ZodType>(schema: S) {
  return validator<S, 'query', AppEnv, string>(
    'query',
    schema,
    (result) => {
      if (!result.success) throw invalidInput('query', result.error)
    },
    inputSchema,
  )
}

/** Reads a JSON body of at most `maxBytes`, validates and describes it. */
export function jsonBody<S extends z.ZodType<object>>(schema: S, maxBytes: number): JsonBody<S> {
  return documented<JsonBody<S>>(
    async (c, next) => {
      const result = schema.safeParse(await readJson(c.env.incoming, maxBytes))
      if (!result.success) throw invalidInput('body', result.error.issues)
      c.req.addValidatedData('json', result.data)
      await next()
    },
    { requestBody: describeBody({ 'application/json': schema }) },
  )
}

type JsonBody<S extends z.ZodType> = MiddlewareHandler<
  AppEnv,
  string,
  { in: { json: z.input<S> }; out: { json: z.output<S> } }
>

/** Whether a handler of a route reads query parameters. */
export function readsQuery(handler: object): boolean {
  if (!(uniqueSymbol in handler)) return false
  const description: unknown = handler[uniqueSymbol]
  return typeof description === 'object' && description !== null && 'target' in description
}

type Issue = Readonly<{
  message: string
  path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}>

function invalidInput(part: 'query' | 'body', issues: readonly Issue[]): Problem {
  return new Problem('invalid', {
    detail: `The ${part} is not as described`,
    errors: listInvalidFields(part, { issues }),
  })
}

/** The number of items in a bulk request. */
const maxInvalidFields = 500

/** Lists the invalid fields that a schema found, without quoting their values. */
export function listInvalidFields(part: string, error: { issues: readonly Issue[] }): InvalidField[] {
  return error.issues.slice(0, maxInvalidFields).map(({ path = [], message }) => {
    const keys = path.map((key) => String(typeof key === 'object' ? key.key : key))
    return { at: [part, ...keys].join('.').slice(0, 200), message: message.slice(0, 200) }
  })
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
