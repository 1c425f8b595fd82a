import type { WireRequest } from '../index.ts'

/** A target's URL taken apart, so that every engine puts the same request together from it. */
export interface Address {
  /** `http:` or `https:` */
  protocol: string
  hostname: string
  port: number
  /** As in the `Host` header: without the scheme's own port. */
  host: string
  /** Path of the target's URL without its last slash; steps' paths come behind it. */
  prefix: string
  /** From a user name and password in the URL. */
  authorization: string | undefined
}

/** @throws TypeError when it is no http or https URL */
export function addressOf(targetUrl: string): Address {
  const url = new URL(targetUrl)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`found ${url.protocol}//, expected http:// or https://`)
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return {
    protocol: url.protocol,
    // IPv6 stands in brackets in a URL, and without them everywhere else.
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    host: url.host,
    prefix: url.pathname.replace(/\/+$/, ''),
    authorization: login === ':' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`,
  }
}

/** What stands behind the method in the request line: no fragment, and nothing that could end the line early. */
export function requestTarget(address: Address, path: string): string {
  const joined = `${address.prefix}${path.startsWith('/') ? '' : '/'}${path}`
  const hash = joined.indexOf('#')
  const whole = hash === -1 ? joined : joined.slice(0, hash)
  // Half a surrogate pair cannot be encoded. (By this and not by `toWellFormed`: k6's runtime has none.)
  return /^[!-~]*$/.test(whole)
    ? whole
    : whole.replaceAll(/[\uD800-\uDFFF]/gu, '\uFFFD').replaceAll(/[^!-~]+/gu, encodeURIComponent)
}

/** A request's headers with the login of the target's URL, which a step's own `authorization` outranks. */
export function requestHeaders(address: Address, headers: Record<string, string>): Record<string, string> {
  if (address.authorization === undefined || headers['authorization'] !== undefined) return headers
  return { authorization: address.authorization, ...headers }
}

/**
 * Why a request cannot be sent as it is, or undefined. Values saved from a hostile target's answer end up in requests: a
 * line break in one would let the target write headers of its own, or a second request.
 */
export function wireProblem(request: WireRequest): string | undefined {
  if (!/^[A-Z][A-Z0-9_-]*$/.test(request.method)) return 'the method is no HTTP method'
  for (const [name, value] of Object.entries(request.headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))
      return 'a header name holds characters that HTTP does not allow'
    if (typeof value !== 'string') return `header ${name}: found ${typeof value}, expected a string`
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      return `header ${name} holds characters that HTTP does not allow`
  }
  return typeof request.body === 'string' || request.body === undefined
    ? undefined
    : `body: found ${typeof request.body}, expected a string`
}
