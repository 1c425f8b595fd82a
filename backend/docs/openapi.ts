import { generateSpecs } from 'hono-openapi'
import { z } from 'zod'
import { describeHeader, describeRequestHeader } from '../http/index.ts'
import type { App } from '../http/index.ts'

/** The parts of an OpenAPI document that this service has. */
export interface Document {
  info: { title: string; description?: string }
  paths: Record<string, Record<string, Operation>>
}

export interface Operation {
  operationId: string
  summary: string
  tags: string[]
  security?: Record<string, string[]>[]
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema: unknown }[]
  requestBody?: { content: Content }
  responses: Record<string, Answer>
}

interface Answer {
  description: string
  headers?: Record<string, unknown>
  content?: Content
}

export type Content = Record<string, { schema: unknown; example?: unknown }>

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

const documentation = {
  info: {
    title: 'Todo API',
    version: '1.0.0',
    description: 'The tasks of a user. Errors are problem documents (RFC 9457) with the id of the request.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  components: {
    securitySchemes: {
      accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      operationsToken: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN or FAULTS_TOKEN' },
    },
  },
} as const

/** Builds the OpenAPI 3.1 document of the routes of `app`, from what they and their middleware describe. */
export async function buildOpenApiDocument(app: App): Promise<Document> {
  const generated = await generateSpecs(app, {
    documentation,
    excludeStaticFile: false,
    defaultValidationErrorResponse: false,
  })
  // The library's type also allows references, which this service does not use.
  // oxlint-disable-next-line no-unsafe-type-assertion
  const document = generated as unknown as Document
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  for (const operation of operations) complete(operation)
  const { $schema: _dialect, ...problem } = z.toJSONSchema(problemSchema)
  return Object.assign(document, {
    servers: [{ url: '/' }],
    tags: [...new Set(operations.flatMap(({ tags }) => tags))].map((name) => ({ name })),
    components: { ...documentation.components, schemas: { Problem: problem } },
  })
}

const requestId = describeRequestHeader(
  'X-Request-Id',
  'Used as the id of the request and returned with the answer',
)

/** Adds what all operations have in common: problems, headers, and the request id. */
function complete(operation: Operation): void {
  const { parameters = [], requestBody } = operation
  operation.security ??= []
  // The patterns of paths accept only ids.
  for (const parameter of parameters)
    if (parameter.in === 'path') parameter.schema = { type: 'string', format: 'uuid' }
  operation.parameters = [...parameters, requestId]
  const isLimited = '429' in operation.responses
  operation.responses = {
    422: { description: 'The request does not match its description' },
    503: { description: 'The service is unavailable; retry after Retry-After seconds' },
    ...(operation.security.length > 0 && { 401: { description: 'A valid token is required' } }),
    ...(parameters.some((one) => one.in === 'path') && {
      404: { description: 'The resource does not exist' },
    }),
    ...(requestBody !== undefined && problemsOfBodies),
    ...operation.responses,
  }
  for (const [status, response] of Object.entries(operation.responses)) {
    response.headers = { ...listHeaders(Number(status), isLimited), ...response.headers }
    if (status >= '4' && Object.keys(response.content ?? {}).length === 0)
      response.content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  }
}

const problemsOfBodies = {
  400: { description: 'The request is malformed' },
  413: { description: 'The body is too large' },
  415: { description: 'The media type of the body is not supported' },
}

const commonHeaders = {
  'X-Request-Id': describeHeader('The id of the request'),
  traceparent: describeHeader('The trace of the request (W3C Trace Context)'),
  'Server-Timing': describeHeader('Where the time was spent, for callers that are allowed to see it', false),
}

/** The headers of every answer with `status`. Those that are required are in every such answer. */
function listHeaders(status: number, isLimited: boolean): Record<string, unknown> {
  // An answer before the limit was checked does not have the headers about it.
  const isAfterLimit = status < 400 || status === 429
  const remaining = 'The remaining requests (r) and the seconds until the window ends (t)'
  return {
    ...commonHeaders,
    ...(isLimited && {
      RateLimit: describeHeader(remaining, isAfterLimit),
      'RateLimit-Policy': describeHeader('The limit (q) and its window in seconds (w)', isAfterLimit),
    }),
    ...(status === 401 && { 'WWW-Authenticate': describeHeader('Bearer, and the error of the token') }),
    ...((status === 429 || status === 503) && {
      'Retry-After': describeHeader('Seconds to wait before the next attempt'),
    }),
  }
}
