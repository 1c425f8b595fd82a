import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import type { Response } from '../index.ts'
import { toOneLine } from '../../record/index.ts'
import type { FailureClass } from '../../record/index.ts'

/** A body that cannot be read as text. Its message is for the reader. */
export class BodyError extends Error {
  override name = 'BodyError'
}

/**
 * Builds the response that journeys receive. It parses JSON at the first access: most checks read only the
 * status, and parsing an unused body would cost the load generator more than sending the request.
 */
export function toResponse(status: number, headers: Record<string, string>, text: string): Response {
  let parsed: { json: unknown } | undefined
  const unmarked = stripByteOrderMark(text)
  return {
    status,
    headers,
    text: unmarked,
    get json() {
      parsed ??= { json: parseJson(unmarked) }
      return parsed.json
    },
  }
}

/**
 * Converts a flat list of names and values. Names become lower case, repeated headers are joined by a comma.
 */
export function toHeaders(raw: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    const earlier = headers.get(name)
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return Object.fromEntries(headers)
}

function parseJson(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return json
  } catch {
    return undefined
  }
}

// A mark is no part of the text (RFC 8259, section 8.1), and JSON.parse refuses it.
function stripByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** The encodings that k6 decodes too, as k6 spells them: a journey sees the same text in every engine. */
const decoders: Record<string, ((body: Buffer, limits: { maxOutputLength: number }) => Buffer) | undefined> =
  {
    gzip: gunzipSync,
    deflate: inflateSync,
    br: brotliDecompressSync,
    zstd: zstdDecompressSync,
  }
const maxEncodings = 5

/**
 * Decodes a body by its `content-encoding`, the last encoding first. An unknown encoding stays, as in k6.
 *
 * @throws BodyError when the body is not what its header says, or is larger than `maxBytes` once decoded
 */
export function decodeBody(body: Buffer, contentEncoding: string | undefined, maxBytes: number): string {
  if (contentEncoding === undefined || body.length === 0) return body.toString('utf8')
  const encodings = contentEncoding.split(',').map((encoding) => encoding.trim())
  if (encodings.length > maxEncodings) throw new BodyError(`the body has more than ${maxEncodings} encodings`)
  return encodings
    .reduceRight((encoded, encoding) => decodeOnce(encoded, encoding, maxBytes), body)
    .toString('utf8')
}

function decodeOnce(body: Buffer, encoding: string, maxBytes: number): Buffer {
  try {
    return decoders[encoding]?.(body, { maxOutputLength: maxBytes }) ?? body
  } catch (error) {
    if (error instanceof RangeError)
      throw new BodyError(`the body is larger than ${maxBytes} bytes when decoded from ${encoding}`)
    throw new BodyError(`the body cannot be decoded from ${encoding}: ${String(error)}`)
  }
}

/**
 * The class of a failed request, and a message: one line of at most 200 characters, no control characters.
 */
export interface RequestFailure {
  class: FailureClass
  message: string
}

// Errors of this machine, not of the target: it has no sockets, ports or memory left for a request.
const localErrorCodes = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'ENOMEM',
  'EAGAIN',
  'EPERM',
  'EACCES',
])

// OpenSSL's codes for refusing a certificate have no common prefix.
const certificateCode = new RegExp(
  '^(?:CERT_|ERR_TLS_|ERR_SSL_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_|HOSTNAME_MISMATCH|' +
    'INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|EPROTO)',
)

const descriptions: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed while the request was sent',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'connecting took too long',
  HPE_HEADER_OVERFLOW: 'more response headers than are read',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate chain is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is of an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
  EMFILE: 'no file descriptor left on this machine',
  ENFILE: 'no file descriptor left on this machine',
  EADDRNOTAVAIL: 'no local port left on this machine',
}

/** Classifies an error of the network, of TLS or of a client library. Any other error is `connect`. */
export function toRequestFailure(thrown: unknown): RequestFailure {
  const error = findInnermost(thrown)
  const code = findCode(error)
  const text = error instanceof Error ? error.message : String(error)
  // Node gives an orderly end of the connection the code of a reset.
  if (text === 'socket hang up' || text === 'aborted')
    return { class: 'connect', message: 'connection closed before the answer was complete' }
  const description = descriptions[code] ?? (text === '' ? 'the connection broke' : text)
  return {
    class: classifyCode(code, text),
    message: toOneLine(code === '' ? description : `${description} (${code})`),
  }
}

/** Returns the error code if this machine could not send (EMFILE, EADDRNOTAVAIL, …), else undefined. */
export function findLocalErrorCode(thrown: unknown): string | undefined {
  const code = findCode(findInnermost(thrown))
  return localErrorCodes.has(code) ? code : undefined
}

function classifyCode(code: string, text: string): FailureClass {
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns'
  if (certificateCode.test(code) || text.includes('before secure TLS connection')) return 'tls'
  return code === 'ETIMEDOUT' ? 'timeout' : 'connect'
}

// When a host has several addresses, the error of the attempt contains one error for each.
function findInnermost(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors[0]
  if (thrown instanceof Error && findCode(thrown) === '' && thrown.cause instanceof Error)
    return findInnermost(thrown.cause)
  return thrown
}

function findCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
