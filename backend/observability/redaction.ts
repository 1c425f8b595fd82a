import type { Config } from '../config/index.ts'

const hidden = '[hidden]'

/**
 * What looks like a secret, whoever wrote it: the value of a bearer, of a password-like field or parameter, of an
 * address' user part, a JWT, and the form of our refresh tokens after their name.
 */
const shapes: readonly [RegExp, string][] = [
  [/\b(bearer|basic)(\s+)[\w.~+/=-]{6,}/gi, `$1$2${hidden}`],
  [/(:\/\/[^\s:/@"\\]{1,64}:)[^\s@"\\]{1,200}@/g, `$1${hidden}@`],
  [/\beyJ[\w-]{5,200}\.[\w-]{5,}(\.[\w-]*)?/g, hidden],
  [
    /((?:pass(?:word|wd)?|secret|token|api[-_]?key|authorization|cookie)\w{0,40}(?:\\?["'])?\s{0,3}[=:]\s{0,3}(?:\\?["'])?)(?!\[hidden\]|bearer|basic|null|undefined)[^\s"'\\&,;}\]]{1,400}/gi,
    `$1${hidden}`,
  ],
]

// What JSON leaves as it is, and terminals and log viewers act on: C1 controls, line separators, changes of direction.
const acting = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Takes secrets out of a JSON line: those of `config` by value, others by their shape. The line stays JSON. */
export function redactor(config: Secrets): (line: string) => string {
  const known = secretsOf(config)
  return (line) => {
    let safe = line
    for (const secret of known) if (safe.includes(secret)) safe = safe.replaceAll(secret, hidden)
    safe = withoutValues(safe)
    for (const [shape, instead] of shapes) safe = safe.replace(shape, instead)
    return safe.replace(acting, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  }
}

/** What stands before the values of a query in the query builder's message for one that failed, in a JSON string. */
const valuesFollow = String.raw`\nparams: `

// By hand: a caller may have written the same words a thousand times, and an expression would begin at each of them.
function withoutValues(line: string): string {
  let safe = ''
  let from = 0
  for (;;) {
    const at = line.indexOf(valuesFollow, from)
    if (at === -1) return safe + line.slice(from)
    // Up to the frames of the stack, or the end of the string.
    const values = /(?:(?!\\n {4}at )(?:[^"\\]|\\.))*/y
    values.lastIndex = at + valuesFollow.length
    safe += line.slice(from, values.lastIndex) + hidden
    from = values.lastIndex + (values.exec(line)?.[0].length ?? 0)
  }
}

export type Secrets = Partial<
  Pick<Config, 'databaseUrl' | 'authSecret' | 'metricsToken' | 'faultsToken' | 'serverTiming' | 'otel'>
>

// As they are, and as they stand in a JSON string.
function secretsOf({
  databaseUrl,
  authSecret,
  metricsToken,
  faultsToken,
  serverTiming,
  otel,
}: Secrets): string[] {
  const timing = serverTiming?.mode === 'token' ? serverTiming.token : undefined
  const headers = [otel?.traces, otel?.metrics].flatMap((signal) => Object.values(signal?.headers ?? {}))
  const plain = [authSecret, metricsToken, faultsToken, timing, ...passwordsOf(databaseUrl), ...headers]
  // A shorter value is part of ordinary words and numbers: taking it out would hide nothing and break the line.
  const long = plain.filter((secret): secret is string => secret !== undefined && secret.length >= 6)
  return [...new Set(long.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))].toSorted(
    (a, b) => b.length - a.length,
  )
}

function passwordsOf(databaseUrl: string | undefined): string[] {
  if (databaseUrl === undefined || !URL.canParse(databaseUrl)) return []
  const { password, searchParams } = new URL(databaseUrl)
  return [password, decoded(password), searchParams.get('password') ?? ''].filter((one) => one !== '')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
