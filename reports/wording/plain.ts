import { toOneLine } from '../../record/index.ts'

/**
 * Text of a target or a user as one harmless line of at most `max` characters; U+FFFD shows where something was not printed.
 * Formats escape on top of it; nothing from outside reaches a report without passing here.
 */
export function plain(text: string, max = 300): string {
  return toOneLine(text, max, '\ufffd')
}

/** A URL without what may be secret in it: user, password, query and fragment. What is no web address is shown as it is written, without them. */
export function plainUrl(url: string): string {
  const parsed = URL.parse(url)
  // A password may hold what ends a host or begins a query: all up to the last @ goes first.
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:')
    return plain(url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, ''))
  return plain(`${parsed.protocol}//${parsed.host}${parsed.pathname === '/' ? '' : parsed.pathname}`)
}
