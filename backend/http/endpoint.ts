import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { z } from 'zod'
import type { Principal, Scope } from './scope.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** `open`: anybody; `user`: with an access token; `guarded`: whom the endpoint's own `guard` lets in. */
export type Access = 'open' | 'user' | 'guarded'

/** Which rate limit a request counts against: the caller's own, the one of its address, or none. */
export type Limit = 'user' | 'auth' | 'none'

export interface BodySpec<B> {
  /** What JSON must look like. Absent: the handler reads the bytes itself. */
  schema: z.ZodType<B>
  maxBytes: number
  description?: string
}

/** Bytes in one of several formats, which the handler parses. */
export interface RawBodySpec {
  mediaTypes: Readonly<Record<string, z.ZodType>>
  maxBytes: number
}

export interface Answer {
  description: string
  /** Of JSON. */
  schema?: z.ZodType
  /** Of other media types, or of several. */
  content?: Readonly<Record<string, z.ZodType>>
  /** Of its own, by what they say; those of every answer are known. Always there unless said otherwise. */
  headers?: Readonly<Record<string, string | { description: string; required: boolean }>>
  /** Operations that take the `id` of what was made here. */
  links?: readonly string[]
}

export interface Input<P, Q, B, A extends Access> {
  params: P
  query: Q
  /** The query as it was sent, for what is kept by it. */
  rawQuery: string
  body: B
  /** Of a raw body. */
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
  /** Sent as it is, with `headers['content-type']`. */
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream
  headers?: Record<string, string>
}

/**
 * One operation: what it takes, what it answers, and what it does. Routing, validation and the OpenAPI document all
 * come from here, so they cannot disagree.
 */
export interface EndpointSpec<P, Q, B, A extends Access> {
  method: Method
  /** As in `/tasks/:id`. */
  path: string
  id: string
  summary: string
  tag: string
  access: A
  /** Throws a `Problem` unless `authorization` is what a guarded endpoint wants. Asked before anything else is read. */
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

/** An endpoint whose input types no longer matter to those who hold it. */
export interface Endpoint {
  readonly spec: Omit<EndpointSpec<unknown, unknown, unknown, Access>, 'handle'>
  handle(input: RawInput): Promise<Reply> | Reply
}

/** A request before validation. */
export interface RawInput {
  params: Record<string, string>
  query: string
  incoming: IncomingMessage
  scope: Scope
}
