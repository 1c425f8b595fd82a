/** Takes secrets out of a text. */
export type Redact = (text: string) => string

const secretName =
  /TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE_KEY|AUTHORIZATION|COOKIE|DATABASE_URL/i
const gone = '[redacted]'

// What gives itself away by its form: credentials of a header, JSON Web Tokens, logins in URLs, fields that are named so.
const forms: readonly [form: RegExp, by: string][] = [
  [/\b(Bearer|Basic|Digest)\s+[^\s"'\\,;]+/gi, `$1 ${gone}`],
  [/\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?/g, gone],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]+@/gi, `$1${gone}@`],
  [
    /((?:authorization|cookie|password|passwd|secret|token|api[_-]?key)[\w-]*\\?["']?\s*[:=]\s*\\?["']?)(?!\[redacted\])(?!(?:Bearer|Basic|Digest)\s)[^\s"'\\,;&}]+/gi,
    `$1${gone}`,
  ],
]

/** Knows the values of an environment's secrets, besides what looks like one. */
export function redactorFor(env: NodeJS.ProcessEnv): Redact {
  const values = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && value.length >= 6 && secretName.test(name) ? [value] : [],
  )
  // The longest first: one may be a part of another.
  const known = values.toSorted((a, b) => b.length - a.length)
  return (text) => {
    let redacted = text
    for (const value of known) redacted = redacted.replaceAll(value, gone)
    for (const [form, by] of forms) redacted = redacted.replaceAll(form, by)
    return redacted
  }
}
