import type { Endpoint } from '../http/index.ts'

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
