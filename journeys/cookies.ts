import type { Response } from './journey.ts'

/*
 * No engine keeps cookies: a journey sends only what it declares. These two functions declare them. k6 loads
 * this file when journeys import it.
 */

/** Values of cookies by their names. It survives JSON, so a step can save it. */
export type Cookies = Record<string, string>

/** The next cookie begins after a comma, as in a date, but with a name and an equals sign. */
const betweenCookies = /,\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+=)/

/**
 * The cookies after an answer: those of `before`, with what its `Set-Cookie` headers set, and without those
 * that they remove (an age of 0, or a date in 1970 or earlier). Paths and domains are not read.
 */
export function saveCookies({ headers }: Pick<Response, 'headers'>, before: unknown = {}): Cookies {
  const cookies = toCookies(before)
  for (const text of (headers['set-cookie'] ?? '').split(betweenCookies)) {
    const [pair = '', ...attributes] = text.split(';')
    const at = pair.indexOf('=')
    const name = pair.slice(0, at).trim()
    if (at < 1 || name === '') continue
    if (attributes.some(isRemoval)) delete cookies[name]
    else cookies[name] = pair.slice(at + 1).trim()
  }
  return cookies
}

function isRemoval(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=')
  const key = name.trim().toLowerCase()
  if (key === 'max-age') return Number(value) <= 0
  const year = /\b(\d{4})\b/.exec(value)?.[1]
  return key === 'expires' && year !== undefined && Number(year) <= 1970
}

/** The value of a `Cookie` header, or no header at all: `headers: { ...cookieHeader(ctx.cookies) }`. */
export function cookieHeader(cookies: unknown): { cookie?: string } {
  const pairs = Object.entries(toCookies(cookies)).map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? {} : { cookie: pairs.join('; ') }
}

/** A context has any value under a saved name. */
function toCookies(saved: unknown): Cookies {
  const cookies: Cookies = {}
  if (typeof saved === 'object' && saved !== null)
    for (const [name, value] of Object.entries(saved)) if (typeof value === 'string') cookies[name] = value
  return cookies
}
