import { z } from 'zod'
import type { Answer, Endpoint } from '../http/index.ts'

type Json = Record<string, unknown>
type Spec = Endpoint['spec']

const problemSchema = z
  .object({
    type: z.string().meta({ description: 'A URN that names the kind of problem' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ at: z.string(), message: z.string() })).optional(),
  })
  .meta({ description: 'RFC 9457' })

const problemTexts: Readonly<Record<number, string>> = {
  400: 'The request is malformed',
  401: 'A valid access token is required',
  404: 'The resource does not exist',
  413: 'The body is too large',
  415: 'The media type of the body is not supported',
  422: 'The request does not match its description',
  429: 'Too many requests; retry after Retry-After seconds',
  503: 'The service is unavailable; retry after Retry-After seconds',
}

/** Builds the OpenAPI 3.1 document of these endpoints from the schemas that validate their requests. */
export function buildOpenApiDocument(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Json> = {}
  for (const { spec } of endpoints) {
    const path = spec.path.replaceAll(/:([a-z]+)/gi, '{$1}')
    paths[path] = { ...paths[path], [spec.method.toLowerCase()]: buildOperation(spec) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Todo API',
      version: '1.0.0',
      description: 'The tasks of a user. Errors are problem documents (RFC 9457) with the id of the request.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(endpoints.map(({ spec }) => spec.tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        operationsToken: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN or FAULTS_TOKEN' },
      },
      schemas: { Problem: toJsonSchema(problemSchema, 'output') },
    },
  }
}

function buildOperation(spec: Spec): Json {
  const body = buildRequestBody(spec)
  const parameters = [
    ...buildFieldParameters('path', spec.params),
    ...buildFieldParameters('query', spec.query),
    ...buildHeaderParameters(spec),
  ]
  return {
    operationId: spec.id,
    summary: spec.summary,
    tags: [spec.tag],
    security: buildSecurity(spec),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: body }),
    responses: buildResponses(spec),
  }
}

function buildSecurity(spec: Spec): Json[] {
  if (spec.access === 'user') return [{ accessToken: [] }]
  return spec.access === 'guarded' ? [{ operationsToken: [] }] : []
}

function buildRequestBody(spec: Spec): Json | undefined {
  const types = spec.body === undefined ? spec.rawBody?.mediaTypes : { 'application/json': spec.body.schema }
  return types && { required: true, content: describeMediaTypes(types, 'input') }
}

function buildFieldParameters(place: 'path' | 'query', schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return []
  const { properties, required } = objectSchema.parse(toJsonSchema(schema, 'input'))
  return Object.entries(properties).map(([name, { description, ...field }]) => {
    const parameter: Json = {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      schema: field,
    }
    if (description !== undefined) parameter['description'] = description
    return parameter
  })
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  required: z.array(z.string()).default([]),
})

function buildHeaderParameters(spec: Spec): Json[] {
  const trace: Json[] = [
    {
      name: 'X-Request-Id',
      in: 'header',
      required: false,
      description: 'Used as the id of the request and returned with the answer',
      schema: { type: 'string' },
    },
  ]
  const own = Object.entries(spec.requestHeaders ?? {}).map(([name, { description, schema }]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: toJsonSchema(schema, 'input'),
  }))
  return [...own, ...trace]
}

function buildResponses(spec: Spec): Json {
  const all = new Map<number, Json>(
    Object.entries(spec.answers).map(([status, answer]) => [
      Number(status),
      buildResponse(spec, Number(status), answer),
    ]),
  )
  for (const status of listProblemStatuses(spec)) {
    if (!all.has(status))
      all.set(status, buildResponse(spec, status, { description: problemTexts[status] ?? 'A problem' }))
  }
  return Object.fromEntries([...all].toSorted(([a], [b]) => a - b))
}

function listProblemStatuses(spec: Spec): number[] {
  const statuses = [503]
  if (spec.access !== 'open') statuses.push(401)
  if (spec.limit !== 'none') statuses.push(429)
  if (spec.params !== undefined) statuses.push(404)
  if (spec.body !== undefined || spec.rawBody !== undefined) statuses.push(400, 413, 415, 422)
  // Every operation refuses unknown query parameters.
  statuses.push(422)
  return statuses
}

function buildResponse(spec: Spec, status: number, answer: Answer): Json {
  const own = Object.entries(answer.headers ?? {}).map(([name, header]): [string, Header] => [
    name,
    typeof header === 'string' ? { description: header, required: true } : header,
  ])
  const headers: Json = {}
  for (const [name, header] of Object.entries({
    ...listCommonHeaders(spec, status),
    ...Object.fromEntries(own),
  }))
    headers[name] = { ...header, schema: { type: 'string' } }
  return { description: answer.description, headers, ...buildContent(status, answer), ...buildLinks(answer) }
}

function buildContent(status: number, answer: Answer): Json {
  const types = answer.content ?? (answer.schema === undefined ? {} : { 'application/json': answer.schema })
  if (Object.keys(types).length > 0) return { content: describeMediaTypes(types, 'output') }
  if (status < 400) return {}
  return { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } }
}

// The `id` in the answer identifies the created resource.
function buildLinks({ links = [] }: Answer): Json {
  if (links.length === 0) return {}
  return {
    links: Object.fromEntries(
      links.map((operationId) => [operationId, { operationId, parameters: { id: '$response.body#/id' } }]),
    ),
  }
}

/** A header of an answer. `required`: every such answer has it. */
export interface Header {
  description: string
  required: boolean
}

/** Lists the headers that every answer with `status` has. */
export function listCommonHeaders({ limit }: Endpoint['spec'], status: number): Record<string, Header> {
  const headers: Record<string, Header> = {
    'X-Request-Id': { description: 'The id of the request', required: true },
    traceparent: {
      description: 'The trace of the request (W3C Trace Context)',
      required: true,
    },
    'Server-Timing': {
      description: 'Where the time was spent, for callers that are allowed to see it',
      required: false,
    },
  }
  // An answer before the limit was checked has no such headers.
  if (limit !== 'none') {
    const required = status < 400 || status === 429
    headers['RateLimit'] = {
      description: 'The remaining requests (r) and the seconds until the window ends (t)',
      required,
    }
    headers['RateLimit-Policy'] = { description: 'The limit (q) and its window in seconds (w)', required }
  }
  if (status === 401)
    headers['WWW-Authenticate'] = { description: 'Bearer, and the error of the token', required: true }
  if (status === 429 || status === 503)
    headers['Retry-After'] = { description: 'Seconds to wait before the next attempt', required: true }
  return headers
}

/** The parts of a JSON Schema that examples are built from. */
const shape = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  examples: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  format: z.string().optional(),
  minimum: z.number().optional(),
})

type Shape = z.infer<typeof shape>

const examplesByFormat: Readonly<Record<string, string>> = {
  uuid: '019b0000-0000-7000-8000-000000000000',
  'date-time': '2027-01-31T09:00:00.000Z',
}

/**
 * Builds an example of `schema` (JSON Schema): its own example, or one built from its parts. An object gets
 * its required properties and those that have an example.
 */
export function buildExample(schema: unknown): unknown {
  const known = shape.parse(schema)
  const [given] = known.examples ?? []
  if (given !== undefined) return given
  if (known.const !== undefined) return known.const
  if (known.default !== undefined) return known.default
  if (known.enum !== undefined) return known.enum[0]
  if (known.anyOf !== undefined) return buildExample(known.anyOf[0])
  return buildExampleByType(known)
}

function buildExampleByType(known: Shape): unknown {
  const [type] = Array.isArray(known.type) ? known.type : [known.type]
  if (type === 'object') return buildObjectExample(known)
  if (type === 'array') return known.items === undefined ? [] : [buildExample(known.items)]
  if (type === 'integer' || type === 'number') return Math.max(1, known.minimum ?? 1)
  if (type === 'boolean') return true
  if (type === 'string') return examplesByFormat[known.format ?? ''] ?? 'text'
  return {}
}

function buildObjectExample({ properties = {}, required = [] }: Shape): Record<string, unknown> {
  const shown = Object.entries(properties).filter(
    ([name, part]) => required.includes(name) || shape.parse(part).examples !== undefined,
  )
  return Object.fromEntries(shown.map(([name, part]) => [name, buildExample(part)]))
}

export function describeMediaTypes(types: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Json {
  const described: Json = {}
  for (const [type, schema] of Object.entries(types)) {
    const json = toJsonSchema(schema, io)
    described[type] = { schema: json, example: buildExample(json) }
  }
  return described
}

export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => simplify(jsonSchema),
  })
  return rest
}

// The metadata of a schema overrides what is derived: a number in a query is text only in its encoding.
function simplify(schema: Json): void {
  if (schema['type'] === 'integer') {
    delete schema['pattern']
    if (typeof schema['default'] === 'string') schema['default'] = Number(schema['default'])
  }
  // Tools generate and check these formats correctly without the pattern.
  if ('pattern' in schema && (schema['format'] === 'date-time' || schema['format'] === 'uuid'))
    delete schema['pattern']
}
