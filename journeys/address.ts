import type { WireRequest } from './interpret.ts'

/** The parts of a target's URL, so that every engine builds the same request from it. */
export interface Address {
  /** `http:` or `https:` */
  protocol: string
  hostname: string
  port: number
  /** As in the `Host` header: without the scheme's own port. */
  host: string
  /** Path of the target's URL without the last slash. The paths of steps are appended to it. */
  prefix: string
  /** The header for a user name and password in the URL. */
  authorization: string | undefined
}

/** @throws TypeError when `targetUrl` is not an http or https URL */
export function toAddress(targetUrl: string): Address {
  const url = new URL(targetUrl)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`found ${url.protocol}//, expected http:// or https://`)
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return {
    protocol: url.protocol,
    // An IPv6 address is in brackets in a URL, and without them everywhere else.
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    host: url.host,
    prefix: url.pathname.replace(/\/+$/, ''),
    authorization: login === ':' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`,
  }
}

/** The second word of the request line: without a fragment, and without anything that could end the line. */
export function toRequestTarget(address: Address, path: string): string {
  const joined = `${address.prefix}${path.startsWith('/') ? '' : '/'}${path}`
  const hash = joined.indexOf('#')
  const target = hash === -1 ? joined : joined.slice(0, hash)
  // Half a surrogate pair cannot be encoded. k6's runtime has no `toWellFormed`.
  return /^[!-~]*$/.test(target)
    ? target
    : target.replaceAll(/[\uD800-\uDFFF]/gu, '\uFFFD').replaceAll(/[^!-~]+/gu, encodeURIComponent)
}

/**
 * The URL of a path of the config, of a journey or of a browser spec: always below the target's URL, whose
 * base path `new URL(path, target)` would drop.
 */
export function toTargetUrl(targetUrl: string, path: string): URL {
  const address = toAddress(targetUrl)
  return new URL(`${address.protocol}//${address.host}${toRequestTarget(address, path)}`)
}

/** What was expected of a URL that cannot be a target's; undefined for one that can. */
export function findTargetUrlProblem(text: string): string | undefined {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return 'expected an http:// or https:// URL'
  // Every record and report would contain the password.
  if (url.username !== '' || url.password !== '')
    return 'expected a URL without a user and password (journeys send their credentials in headers)'
  // Paths are appended to it. An empty query is one too.
  if (/[?#]/.test(url.href))
    return 'expected a URL without a query or fragment (the path of a step may have a query)'
  return undefined
}

/** Adds the login of the target's URL, unless the step sets `authorization` itself. */
export function toRequestHeaders(address: Address, headers: Record<string, string>): Record<string, string> {
  if (address.authorization === undefined || headers['authorization'] !== undefined) return headers
  return { authorization: address.authorization, ...headers }
}

/**
 * Returns why a request cannot be sent unchanged, or undefined. Requests contain values saved from answers: a
 * line break in one would let a hostile target add headers, or a second request.
 */
export function findWireProblem(request: WireRequest): string | undefined {
  if (!/^[A-Z][A-Z0-9_-]*$/.test(request.method)) return 'the method is not an HTTP method'
  for (const [name, value] of Object.entries(request.headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))
      return 'a header name contains characters that HTTP does not allow'
    if (typeof value !== 'string') return `header ${name}: expected a string, got ${typeof value}`
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      return `header ${name} contains characters that HTTP does not allow`
  }
  return typeof request.body === 'string' || request.body === undefined || request.body instanceof Uint8Array
    ? undefined
    : `body: expected a string, got ${typeof request.body}`
}
