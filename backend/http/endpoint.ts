import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { z } from 'zod'
import type { Principal, Scope } from './scope.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * `open`: any caller; `user`: callers with an access token; `guarded`: callers that the endpoint's `guard`
 * accepts.
 */
export type Access = 'open' | 'user' | 'guarded'

/** The rate limit that a request counts towards: the user's, the address's, or none. */
export type Limit = 'user' | 'auth' | 'none'

export interface BodySpec<B> {
  /** The schema of the JSON body. */
  schema: z.ZodType<B>
  maxBytes: number
  description?: string
}

/** A body in one of several formats, which the handler parses. */
export interface RawBodySpec {
  mediaTypes: Readonly<Record<string, z.ZodType>>
  maxBytes: number
}

export interface Answer {
  description: string
  /** The schema of a JSON answer. */
  schema?: z.ZodType
  /** The schemas of other media types, or of several. */
  content?: Readonly<Record<string, z.ZodType>>
  /**
   * Additional headers with their descriptions, besides those of every answer. A string describes a required
   * header.
   */
  headers?: Readonly<Record<string, string | { description: string; required: boolean }>>
  /** Operations that accept the `id` of the created resource. */
  links?: readonly string[]
}

export interface Input<P, Q, B, A extends Access> {
  params: P
  query: Q
  /** The query string as sent, for use as a cache key. */
  rawQuery: string
  body: B
  /** The bytes of a raw body. */
  bytes: Buffer
  mediaType: string
  headers: IncomingHttpHeaders
  scope: Scope
  principal: A extends 'user' ? Principal : undefined
}

export interface Reply {
  status: number
  /** Sent as JSON. */
  json?: unknown
  /** Sent unchanged, with `headers['content-type']`. */
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream
  headers?: Record<string, string>
}

/**
 * One operation: its input, its answers and its handler. Routing, validation and the OpenAPI document all use
 * it, so they cannot disagree.
 */
export interface EndpointSpec<P, Q, B, A extends Access> {
  method: Method
  /** For example `/tasks/:id`. */
  path: string
  id: string
  summary: string
  tag: string
  access: A
  /**
   * Throws a `Problem` unless `authorization` is valid for a guarded endpoint. Called before the request is
   * read.
   */
  guard?: (scope: Scope, authorization: string | undefined) => void
  limit: Limit
  params?: z.ZodType<P>
  query?: z.ZodType<Q>
  body?: BodySpec<B>
  rawBody?: RawBodySpec
  requestHeaders?: Readonly<Record<string, { description: string; schema: z.ZodType }>>
  answers: Readonly<Record<number, Answer>>
  handle: (input: Input<P, Q, B, A>) => Promise<Reply> | Reply
}

/** An endpoint without its input types. */
export interface Endpoint {
  readonly spec: Omit<EndpointSpec<unknown, unknown, unknown, Access>, 'handle'>
  handle: (input: RawInput) => Promise<Reply> | Reply
}

/** A request before validation. */
export interface RawInput {
  params: Record<string, string>
  query: string
  incoming: IncomingMessage
  scope: Scope
}
