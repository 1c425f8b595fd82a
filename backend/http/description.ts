import type { MiddlewareHandler } from 'hono'
import { resolver, uniqueSymbol } from 'hono-openapi'
import type { DescribeRouteOptions, ResponsesWithResolver } from 'hono-openapi'
import type { z } from 'zod'

/*
 * Parts of the descriptions of routes, from which hono-openapi builds the document. `docs/openapi.ts` adds
 * what all operations have in common.
 */

/** Describes the routes of one group, each by its id, a line about it and its answers. */
export function describeGroup(tag: string) {
  return (
    operationId: string,
    summary: string,
    responses: ResponsesWithResolver,
    more: Pick<DescribeRouteOptions, 'parameters' | 'requestBody'> = {},
  ) =>
    documented<MiddlewareHandler>((_c, next) => next(), {
      operationId,
      tags: [tag],
      summary,
      responses,
      ...more,
    })
}

/** A middleware with the part of a route's description that it is responsible for. */
export function documented<M extends MiddlewareHandler>(middleware: M, spec: DescribeRouteOptions): M {
  return Object.assign(middleware, { [uniqueSymbol]: { spec } })
}

type Answer = ResponsesWithResolver[string]

interface AnswerDetails {
  /** Headers besides those of every answer. A string describes a required one. */
  headers?: Readonly<Record<string, string | { description: string; required: boolean }>>
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
        typeof header === 'string'
          ? describeHeader(header)
          : describeHeader(header.description, header.required),
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

type JsonSchema = Record<string, unknown>

const override = ({ jsonSchema }: { jsonSchema: JsonSchema }): void => simplify(jsonSchema)

/** How schemas of input and of output are converted to JSON Schema. */
export const inputSchema = { options: { io: 'input', unrepresentable: 'any', override } }
const outputSchema = { options: { io: 'output', unrepresentable: 'any', override } }

// The metadata of a schema overrides what is derived: a number in a query is text only in its encoding.
function simplify(schema: JsonSchema): void {
  if (schema['type'] === 'integer') {
    delete schema['pattern']
    if (typeof schema['default'] === 'string') schema['default'] = Number(schema['default'])
  }
  // Tools generate and check these formats correctly without the pattern.
  if (schema['format'] === 'date-time' || schema['format'] === 'uuid') delete schema['pattern']
}
