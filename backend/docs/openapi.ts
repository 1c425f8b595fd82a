import { z } from 'zod'
import type { Answer, Endpoint } from '../http/index.ts'
import { mediaTypes, schemaOf } from './schemas.ts'

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
  401: 'A valid access token is needed',
  404: 'There is no such resource',
  413: 'The body is too large',
  415: 'The body has an unsupported type',
  422: 'The request is not as described',
  429: 'Too many requests; Retry-After says when to try again',
  503: 'The service cannot answer now; Retry-After says when to try again',
}

/** The OpenAPI 3.1 document of exactly these endpoints, made of the schemas that check their requests. */
export function openApiDocument(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Json> = {}
  for (const { spec } of endpoints) {
    const path = spec.path.replaceAll(/:([a-z]+)/gi, '{$1}')
    paths[path] = { ...paths[path], [spec.method.toLowerCase()]: operation(spec) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Todo API',
      version: '1.0.0',
      description: 'Tasks of a user. Errors are problem documents (RFC 9457) with the id of the request.',
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
      schemas: { Problem: schemaOf(problemSchema, 'output') },
    },
  }
}

function operation(spec: Spec): Json {
  const body = requestBody(spec)
  const parameters = [
    ...fieldParameters('path', spec.params),
    ...fieldParameters('query', spec.query),
    ...headerParameters(spec),
  ]
  return {
    operationId: spec.id,
    summary: spec.summary,
    tags: [spec.tag],
    security: securityOf(spec),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: body }),
    responses: responses(spec),
  }
}

function securityOf(spec: Spec): Json[] {
  if (spec.access === 'user') return [{ accessToken: [] }]
  return spec.access === 'guarded' ? [{ operationsToken: [] }] : []
}

function requestBody(spec: Spec): Json | undefined {
  const types = spec.body === undefined ? spec.rawBody?.mediaTypes : { 'application/json': spec.body.schema }
  return types && { required: true, content: mediaTypes(types, 'input') }
}

function fieldParameters(place: 'path' | 'query', schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return []
  const { properties, required } = objectSchema.parse(schemaOf(schema, 'input'))
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

function headerParameters(spec: Spec): Json[] {
  const trace: Json[] = [
    {
      name: 'X-Request-Id',
      in: 'header',
      required: false,
      description: 'Kept, and returned with the answer',
      schema: { type: 'string' },
    },
  ]
  const own = Object.entries(spec.requestHeaders ?? {}).map(([name, { description, schema }]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: schemaOf(schema, 'input'),
  }))
  return [...own, ...trace]
}

function responses(spec: Spec): Json {
  const all = new Map<number, Json>(
    Object.entries(spec.answers).map(([status, answer]) => [
      Number(status),
      response(spec, Number(status), answer),
    ]),
  )
  for (const status of problemsOf(spec)) {
    if (!all.has(status))
      all.set(status, response(spec, status, { description: problemTexts[status] ?? 'A problem' }))
  }
  return Object.fromEntries([...all].toSorted(([a], [b]) => a - b))
}

function problemsOf(spec: Spec): number[] {
  const statuses = [503]
  if (spec.access !== 'open') statuses.push(401)
  if (spec.limit !== 'none') statuses.push(429)
  if (spec.params !== undefined) statuses.push(404)
  if (spec.body !== undefined || spec.rawBody !== undefined) statuses.push(400, 413, 415, 422)
  // A query parameter that is not known is refused everywhere.
  statuses.push(422)
  return statuses
}

function response(spec: Spec, status: number, answer: Answer): Json {
  const own = Object.entries(answer.headers ?? {}).map(([name, header]): [string, Header] => [
    name,
    typeof header === 'string' ? { description: header, required: true } : header,
  ])
  const headers: Json = {}
  for (const [name, header] of Object.entries({ ...commonHeaders(spec, status), ...Object.fromEntries(own) }))
    headers[name] = { ...header, schema: { type: 'string' } }
  return { description: answer.description, headers, ...content(status, answer), ...linksOf(answer) }
}

function content(status: number, answer: Answer): Json {
  const types = answer.content ?? (answer.schema === undefined ? {} : { 'application/json': answer.schema })
  if (Object.keys(types).length > 0) return { content: mediaTypes(types, 'output') }
  if (status < 400) return {}
  return { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } }
}

// What was made is named by the `id` in the answer.
function linksOf({ links = [] }: Answer): Json {
  if (links.length === 0) return {}
  return {
    links: Object.fromEntries(
      links.map((operationId) => [operationId, { operationId, parameters: { id: '$response.body#/id' } }]),
    ),
  }
}

/** A header of an answer; one that is always there is `required`. */
export interface Header {
  description: string
  required: boolean
}

/** The headers of an answer with `status` that are not its own, but those of every such answer. */
export function commonHeaders({ limit }: Endpoint['spec'], status: number): Record<string, Header> {
  const headers: Record<string, Header> = {
    'X-Request-Id': { description: 'The id of the request', required: true },
    traceparent: {
      description: 'The trace that the request was part of (W3C Trace Context)',
      required: true,
    },
    'Server-Timing': { description: 'Where the time went, for callers who may know', required: false },
  }
  // An answer that comes before the limit was asked does not tell of it.
  if (limit !== 'none') {
    const required = status < 400 || status === 429
    headers['RateLimit'] = {
      description: 'What is left of the limit (r) and for how many seconds (t)',
      required,
    }
    headers['RateLimit-Policy'] = { description: 'The limit (q) and its window in seconds (w)', required }
  }
  if (status === 401)
    headers['WWW-Authenticate'] = { description: 'Bearer, and what was wrong with the token', required: true }
  if (status === 429 || status === 503)
    headers['Retry-After'] = { description: 'Seconds until the next try', required: true }
  return headers
}
