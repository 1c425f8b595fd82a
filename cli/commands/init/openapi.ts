import { isAbsolute, resolve } from 'node:path'
import { $RefParser } from '@apidevtools/json-schema-ref-parser'
import { parseDocument as parseYaml } from 'yaml'
import { z } from 'zod'
import { describeFirstIssue } from '../../../record/documents/index.ts'
import { toOneLine } from '../../../record/index.ts'
import { errorMessage, UsageError } from '../../shared/world.ts'

/** An operation of an OpenAPI document, its references resolved. */
export interface Operation {
  /** In upper case. */
  method: string
  /** With the path of the document's server, and `{name}` for parameters. */
  path: string
  id: string | undefined
  parameters: Parameter[]
  /** Media type → schema and examples. */
  body: Record<string, MediaType> | undefined
  links: Link[]
  /** Each alternative names security schemes that are needed together; none: needs no credentials. */
  security: SecurityScheme[][]
  deprecated: boolean
}

const mediaTypeSchema = z.looseObject({
  schema: z.unknown().optional(),
  example: z.unknown().optional(),
  examples: z.record(z.string(), z.looseObject({ value: z.unknown().optional() })).optional(),
})
export type MediaType = z.infer<typeof mediaTypeSchema>

const parameterSchema = mediaTypeSchema.extend({
  name: z.string(),
  in: z.string(),
  required: z.boolean().optional(),
})
export type Parameter = z.infer<typeof parameterSchema>

/** A link of an answer: a parameter of another operation, and where the answer has its value. */
const linkSchema = z.looseObject({
  operationId: z.string().optional(),
  operationRef: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
})
export type Link = z.infer<typeof linkSchema>

const securityScheme = z.looseObject({
  type: z.string(),
  scheme: z.string().optional(),
  in: z.string().optional(),
  name: z.string().optional(),
})
export type SecurityScheme = z.infer<typeof securityScheme>

const requirements = z.array(z.record(z.string(), z.unknown()))
const operationSchema = z.looseObject({
  operationId: z.string().optional(),
  parameters: z.array(parameterSchema).optional(),
  requestBody: z.looseObject({ content: z.record(z.string(), mediaTypeSchema) }).optional(),
  responses: z
    .record(z.string(), z.looseObject({ links: z.record(z.string(), linkSchema).optional() }))
    .optional(),
  security: requirements.optional(),
  deprecated: z.boolean().optional(),
})
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
const pathItem = z.looseObject({
  parameters: z.array(parameterSchema).optional(),
  ...Object.fromEntries(methods.map((method) => [method, operationSchema.optional()])),
})
const documentSchema = z.looseObject({
  openapi: z.string(),
  servers: z
    .array(
      z.looseObject({
        url: z.string(),
        variables: z.record(z.string(), z.looseObject({ default: z.string() })).optional(),
      }),
    )
    .optional(),
  paths: z.record(z.string().startsWith('/'), pathItem),
  components: z.looseObject({ securitySchemes: z.record(z.string(), securityScheme).optional() }).optional(),
  security: requirements.optional(),
})

/** Text that is no OpenAPI document at all, or one of another version; undefined if it may be one. */
export function findVersionProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'expected an OpenAPI 3.0 or 3.1 document'
  const { openapi, swagger } = value as { openapi?: unknown; swagger?: unknown }
  if (typeof swagger === 'string')
    return `expected OpenAPI 3.0 or 3.1, got Swagger ${toOneLine(swagger, 20)}: convert it first`
  if (typeof openapi !== 'string') return "expected an OpenAPI document with 'openapi: 3.…', got none"
  return /^3\.\d+/.test(openapi)
    ? undefined
    : `openapi: expected 3.0 or 3.1, got ${JSON.stringify(openapi.slice(0, 20))}`
}

/** Parses JSON or YAML. Throws a usage error that names the source. */
export function parseStructured(text: string, source: string): unknown {
  const trimmed = text.trim()
  if (trimmed === '') throw new UsageError(`${source}: expected an OpenAPI document, got an empty file`)
  try {
    if (/^[{[]/.test(trimmed)) return JSON.parse(trimmed)
  } catch (error) {
    throw new UsageError(`${source}: not JSON: ${toOneLine(errorMessage(error))}`)
  }
  // A document that repeats itself by aliases without end is refused by the parser.
  const document = parseYaml(trimmed, { prettyErrors: true })
  const [problem] = document.errors
  if (problem) throw new UsageError(`${source}: not YAML: ${toOneLine(problem.message.split('\n')[0] ?? '')}`)
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new UsageError(`${source}: not YAML: ${toOneLine(errorMessage(error))}`)
  }
}

/** Literals in which `$ref` is data. */
const literalPlace = /(?<!\/properties)\/(?:example|default|enum|const|value)(?:\/|$)/

/**
 * The operations of a document, in its order. Schemas may be circular: references become JavaScript objects
 * that contain themselves.
 *
 * @param source the document's file or URL, for its relative references and for messages
 */
export async function readOperations(value: unknown, source: string): Promise<Operation[]> {
  const problem = findVersionProblem(value)
  if (problem !== undefined) throw new UsageError(`${source}: ${problem}`)
  const parsed = documentSchema.safeParse(await resolveReferences(value, source))
  if (!parsed.success) throw new UsageError(`${source}: ${describeFirstIssue(parsed.error)}`)
  const document = parsed.data
  const prefix = findServerPath(document.servers?.[0])
  const schemes = document.components?.securitySchemes ?? {}
  const operations: Operation[] = []
  for (const [path, item] of Object.entries(document.paths))
    for (const method of methods) {
      const operation = operationSchema.optional().parse(item[method])
      if (operation === undefined) continue
      const own = operation.parameters ?? []
      const shared = (item.parameters ?? []).filter(
        (parameter) => !own.some(({ name, in: place }) => name === parameter.name && place === parameter.in),
      )
      operations.push({
        method: method.toUpperCase(),
        path: `${prefix}${path}`,
        id: operation.operationId,
        parameters: [...own, ...shared],
        body: operation.requestBody?.content,
        links: Object.values(operation.responses ?? {}).flatMap(({ links }) => Object.values(links ?? {})),
        security: toSecurity(operation.security ?? document.security ?? [], schemes),
        deprecated: operation.deprecated ?? false,
      })
    }
  if (operations.length === 0) throw new UsageError(`${source}: paths: expected operations, got none`)
  return operations
}

async function resolveReferences(value: unknown, source: string): Promise<unknown> {
  const isUrl = /^https?:/.test(source)
  // Of a document by URL, only the document itself is read: its references must not lead elsewhere.
  const resolver = isUrl ? { external: false } : { http: false as const }
  const base = isUrl || isAbsolute(source) ? source : resolve(source)
  try {
    return await new $RefParser().dereference(base, value, {
      resolve: resolver,
      dereference: { circular: true, excludedPathMatcher: (path) => literalPlace.test(path) },
    })
  } catch (error) {
    throw new UsageError(
      `${source}: a reference ($ref) cannot be resolved: ${toOneLine(errorMessage(error))}`,
    )
  }
}

interface Server {
  url: string
  variables?: Record<string, { default: string }> | undefined
}

/** The path that the server of a document has before each of its paths. */
function findServerPath(server: Server | undefined): string {
  const url = (server?.url ?? '').replaceAll(
    /\{([^}]+)\}/g,
    (whole, name: string) => server?.variables?.[name]?.default ?? whole,
  )
  const path = URL.parse(url, 'http://relative.invalid')?.pathname ?? ''
  return path.replace(/\/+$/, '')
}

/** An unknown scheme stays as one of its name: credentials that init cannot send. */
function toSecurity(
  alternatives: readonly Record<string, unknown>[],
  schemes: Readonly<Record<string, SecurityScheme>>,
): SecurityScheme[][] {
  return alternatives.map((needed) => Object.keys(needed).map((name) => schemes[name] ?? { type: name }))
}
