import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import type { Response } from '../index.ts'

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
