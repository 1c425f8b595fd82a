import { sample } from 'openapi-sampler'
import { pick, Template } from './draft.ts'
import type { Part } from './draft.ts'
import type { MediaType, Operation, Parameter, SecurityScheme } from './openapi.ts'

/** Bodies that the document suggests, best first. */
export function suggestBodies({ schema, example, examples }: MediaType): unknown[] {
  const given = [
    ...(example === undefined ? [] : [example]),
    ...Object.values(examples ?? {}).map(({ value }) => value),
  ].slice(0, 3)
  const sampled = [{}, { skipNonRequired: true }].flatMap((options) => sampleSchema(schema, options))
  const bodies = [...given, ...sampled].filter((body) => body !== undefined && body !== null)
  // The same, with another value in each text that the service may want to be unique.
  const variants = bodies.flatMap((body) => [body, makeUnique(body, schema)])
  const seen = new Set<string>()
  return variants.filter((body) => {
    const text = JSON.stringify(body)
    return seen.has(text) ? false : seen.add(text)
  })
}

function sampleSchema(schema: unknown, options: { skipNonRequired?: boolean }): unknown[] {
  if (typeof schema !== 'object' || schema === null) return []
  try {
    return [sample(schema, { skipReadOnly: true, quiet: true, ...options })]
  } catch {
    // A schema that contradicts itself.
    return []
  }
}

/** A value for a parameter that the document itself names. Nothing is invented. */
export function findDocumentedValue({ example, examples, schema }: Parameter): string | undefined {
  const values = [
    example,
    ...Object.values(examples ?? {}).map(({ value }) => value),
    pick(schema, ['example']),
    pick(schema, ['examples', 0]),
    pick(schema, ['default']),
    pick(schema, ['const']),
    pick(schema, ['enum', 0]),
  ]
  const found = values.find((value) => typeof value === 'string' || typeof value === 'number')
  return found === undefined ? undefined : `${found}`
}

// A value with a form of its own stays as it is.
const formed = /^\d{4}-\d\d-\d\d|^[\d.+-]+$|^[a-z][a-z0-9+.-]*:\/\/|^[0-9a-f-]{36}$|^#[0-9a-f]{3,8}$/i

function makeUnique(value: unknown, schema: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => makeUnique(item, pick(schema, ['items'])))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, makeUnique(item, pick(schema, ['properties', key]))]),
    )
  if (typeof value !== 'string' || formed.test(value) || pick(schema, ['enum']) !== undefined) return value
  const [name = '', host] = value.split('@')
  if (host !== undefined && host.includes('.'))
    return new Template([{ text: `${name}-` }, { unique: true }, { text: `@${host}` }])
  const format = pick(schema, ['format'])
  const isFree = format === undefined || format === 'password'
  return isFree ? new Template([{ text: `${value} ` }, { unique: true }]) : value
}

interface Credentials {
  headers: Record<string, Template>
  query: [string, Part][]
}

/** How a request sends its token, or why it cannot. */
export function findCredentials({ security }: Operation, token: string | undefined): Credentials | string {
  if (security.length === 0 || security.some((needed) => needed.length === 0))
    return { headers: {}, query: [] }
  const single = security.filter((needed) => needed.length === 1).flat()
  const scheme = single.find((found) => toCredentials(found, '') !== undefined)
  const names = [...new Set(security.flat().map(({ type, scheme: kind }) => kind ?? type))].join(' or ')
  if (scheme === undefined) return `needs credentials (${names}) that init cannot send`
  if (token === undefined)
    return `needs credentials (${names}): put a token in a variable and run again with --token VARIABLE`
  return toCredentials(scheme, token) ?? { headers: {}, query: [] }
}

function toCredentials(
  { type, scheme, in: place, name }: SecurityScheme,
  token: string,
): Credentials | undefined {
  const secret: Part = { secret: token }
  const bearer = type === 'oauth2' || type === 'openIdConnect' || /^bearer$/i.test(scheme ?? '')
  if (bearer) return { headers: { authorization: new Template([{ text: 'Bearer ' }, secret]) }, query: [] }
  if (type !== 'apiKey' || name === undefined) return undefined
  if (place === 'header') return { headers: { [name.toLowerCase()]: new Template([secret]) }, query: [] }
  return place === 'query' ? { headers: {}, query: [[name, secret]] } : undefined
}
