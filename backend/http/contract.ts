import type { MiddlewareHandler } from 'hono'
import { describeRoute, resolver, uniqueSymbol, validator } from 'hono-openapi'
import type { DescribeRouteOptions, ResponsesWithResolver } from 'hono-openapi'
import { z } from 'zod'
import { readJson } from './body.ts'
import { Problem } from './problem.ts'
import type { InvalidField } from './problem.ts'
import type { AppEnv } from './scope.ts'

/*
 * What a route accepts, checked and described, and what it answers. hono-openapi builds the document from the
 * descriptions. `docs/openapi.ts` adds what all operations have in common.
 */

/** Describes the routes of one group, each by its id, a line about it and its answers. */
export const describeGroup =
  (tag: string) =>
  (
    operationId: string,
    summary: string,
    responses: ResponsesWithResolver,
    more: Pick<DescribeRouteOptions, 'parameters' | 'requestBody'> = {},
  ) =>
    describeRoute({ operationId, tags: [tag], summary, responses, ...more })

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

/** A middleware with the part of a route's description that it is responsible for. */
export function documented<M extends MiddlewareHandler>(middleware: M, spec: DescribeRouteOptions): M {
  return Object.assign(middleware, { [uniqueSymbol]: { spec } })
}

type Answer = ResponsesWithResolver[string]

type Header = ReturnType<typeof describeHeader>

interface AnswerDetails {
  /** Headers besides those of every answer. A string describes a required one. */
  headers?: Readonly<Record<string, string | Header>>
  /** The operations that accept the `id` of the created resource. */
  links?: readonly string[]
}

/** An answer with a JSON body; without `schema`, one without a body, or a problem document. */
export function answer(description: string, schema?: z.ZodType, details: AnswerDetails = {}): Answer {
  return answerOf(description, schema === undefined ? {} : { 'application/json': schema }, details)
}

/** An answer in one of several media types. */
export function answerOf(description: string, types: MediaTypes, details: AnswerDetails = {}): Answer {
  const { headers = {}, links = [] } = details
  return {
    description,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, header]) => [
        name,
        typeof header === 'string' ? describeHeader(header) : header,
      ]),
    ),
    content: describeMediaTypes(types, outputSchema),
    links: Object.fromEntries(
      links.map((operationId) => [operationId, { operationId, parameters: { id: '$response.body#/id' } }]),
    ),
  }
}

export function describeHeader(description: string, required = true) {
  return { description, required, schema: { type: 'string' } } as const
}

/** A request header that a route reads; callers may omit it. */
export function describeRequestHeader(name: string, description: string, pattern?: string) {
  const schema = { type: 'string', ...(pattern !== undefined && { pattern }) } as const
  return { name, in: 'header', required: false, description, schema } as const
}

export function describeBody(types: MediaTypes): NonNullable<DescribeRouteOptions['requestBody']> {
  return { required: true, content: describeMediaTypes(types, inputSchema) }
}

type MediaTypes = Readonly<Record<string, z.ZodType>>

function describeMediaTypes(types: MediaTypes, options: typeof inputSchema) {
  return Object.fromEntries(
    Object.entries(types).map(([type, schema]) => {
      const examples: unknown = schema.meta()?.['examples']
      const example: unknown = Array.isArray(examples) ? examples[0] : undefined
      return [type, { schema: resolver(schema, options), example }]
    }),
  )
}

// Tools generate and check these formats correctly without the pattern.
const override = ({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void => {
  if (jsonSchema['format'] === 'date-time' || jsonSchema['format'] === 'uuid') delete jsonSchema['pattern']
}

/** How schemas of input and of output are converted to JSON Schema. */
const inputSchema = { options: { io: 'input', unrepresentable: 'any', override } }
const outputSchema = { options: { io: 'output', unrepresentable: 'any', override } }

type Issue = Readonly<{
  message: string
  path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}>

function invalidInput(part: 'query' | 'body', issues: readonly Issue[]): Problem {
  const errors = listInvalidFields(part, issues)
  return new Problem('invalid', { detail: `The ${part} is not as described`, errors })
}

/** The number of items in a bulk request. */
const maxInvalidFields = 500

/** Lists the invalid fields that a schema found, without quoting their values. */
export function listInvalidFields(part: string, issues: readonly Issue[]): InvalidField[] {
  return issues.slice(0, maxInvalidFields).map(({ path = [], message }) => {
    const keys = path.map((key) => String(typeof key === 'object' ? key.key : key))
    return { at: [part, ...keys].join('.').slice(0, 200), message: message.slice(0, 200) }
  })
}

/**
 * A schema for text of `min` to `max` characters, counted as in JSON Schema (code points), that PostgreSQL
 * can store: without NUL and lone surrogates.
 */
export function textSchema(min: number, max: number): z.ZodString {
  return z
    .string()
    .min(min, `expected at least ${min} character${min === 1 ? '' : 's'}`)
    .refine((value) => !isLonger(value, max), `expected at most ${max} characters`)
    .refine((value) => !value.includes('\0'), 'expected no NUL character')
    .refine((value) => value.isWellFormed(), 'expected no lone surrogate')
    .meta({ maxLength: max, pattern: '^[^\\u0000]*$' })
}

// A code point has one or two units, so counting is only needed between `max` and twice `max`.
function isLonger(value: string, max: number): boolean {
  return value.length > max * 2 || (value.length > max && Array.from(value).length > max)
}
