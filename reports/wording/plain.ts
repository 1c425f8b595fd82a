// Controls of C0 and C1, so no escape sequence survives; direction overrides and invisible characters, which make a line
// read other than it is; private tags; and the two that XML 1.0 has no place for.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{e0000}-\u{e0fff}\ufffe\uffff]/gu
const spaces = /[\t\n\r\u2028\u2029]+/g

/**
 * Text of a target or a user as one harmless line: no control or direction characters, no lone surrogates, at most `max`
 * characters. Formats escape on top of it; nothing from outside reaches a report without passing here.
 */
export function plain(text: string, max = 300): string {
  // Cut before and after: a name of a megabyte is not worked through, and an ellipsis shows that something is missing.
  const bounded = text.length > max * 4 ? text.slice(0, max * 4) : text
  const clean = bounded.toWellFormed().replaceAll(spaces, ' ').replaceAll(unprintable, '\ufffd').trim()
  const characters = [...clean]
  return characters.length > max || bounded !== text ? `${characters.slice(0, max - 1).join('')}…` : clean
}

/** A URL without what may be secret in it: user, password, query and fragment. What is no web address is shown as it is written, without them. */
export function plainUrl(url: string): string {
  const parsed = URL.parse(url)
  // A password may hold what ends a host or begins a query: all up to the last @ goes first.
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:')
    return plain(url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, ''))
  return plain(`${parsed.protocol}//${parsed.host}${parsed.pathname === '/' ? '' : parsed.pathname}`)
}
