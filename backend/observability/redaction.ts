import type { Config } from '../config/config.ts'

const placeholder = '[hidden]'

/**
 * Texts that look like secrets: bearer values, values of password-like fields and parameters, passwords in
 * URLs, JWTs, and refresh tokens after their name.
 */
const secretPatterns: readonly [RegExp, string][] = [
  [/\b(bearer|basic)(\s+)[\w.~+/=-]{6,}/gi, `$1$2${placeholder}`],
  [/(:\/\/[^\s:/@"\\]{1,64}:)[^\s@"\\]{1,200}@/g, `$1${placeholder}@`],
  [/\beyJ[\w-]{5,200}\.[\w-]{5,}(\.[\w-]*)?/g, placeholder],
  [
    new RegExp(
      String.raw`((?:pass(?:word|wd)?|secret|token|api[-_]?key|authorization|cookie)\w{0,40}` +
        String.raw`(?:\\?["'])?\s{0,3}[=:]\s{0,3}(?:\\?["'])?)` +
        String.raw`(?!\[hidden\]|bearer|basic|null|undefined)[^\s"'\\&,;}\]]{1,400}`,
      'gi',
    ),
    `$1${placeholder}`,
  ],
]

// Characters that JSON does not escape but terminals and log viewers interpret: C1 controls, line separators,
// direction marks.
const controlCharacters = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * Creates a function that hides the secrets in a JSON line: those of `config` by value, others by pattern.
 * The line remains valid JSON.
 */
export function createRedactor(config: Secrets): (line: string) => string {
  const known = collectSecrets(config)
  return (line) => {
    let safe = line
    for (const secret of known) if (safe.includes(secret)) safe = safe.replaceAll(secret, placeholder)
    safe = hideQueryValues(safe)
    for (const [shape, instead] of secretPatterns) safe = safe.replace(shape, instead)
    return safe.replace(
      controlCharacters,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }
}

/** The text before the values of a failed query in the query builder's message, as a JSON string. */
const valuesMarker = String.raw`\nparams: `

// Values end at the stack frames, or at the end of the string. A caller may send the marker, too.
const values = /^(?:(?!\\n {4}at )(?:[^"\\]|\\.))*/

function hideQueryValues(line: string): string {
  const [start = '', ...parts] = line.split(valuesMarker)
  return [start, ...parts.map((part) => part.replace(values, placeholder))].join(valuesMarker)
}

export type Secrets = Partial<
  Pick<Config, 'databaseUrl' | 'authSecret' | 'metricsToken' | 'faultsToken' | 'serverTiming' | 'otel'>
>

// Each secret as it is, and escaped as in a JSON string.
function collectSecrets({ databaseUrl, serverTiming, otel, ...config }: Secrets): string[] {
  const plain = [
    config.authSecret,
    config.metricsToken,
    config.faultsToken,
    serverTiming?.mode === 'token' ? serverTiming.token : undefined,
    ...readPasswords(databaseUrl),
    ...[otel?.traces, otel?.metrics].flatMap((signal) => Object.values(signal?.headers ?? {})),
  ]
  // A shorter value may be part of words and numbers: hiding it would protect nothing and break the line.
  const long = plain.filter((secret): secret is string => secret !== undefined && secret.length >= 6)
  return [...new Set(long.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))].toSorted(
    (a, b) => b.length - a.length,
  )
}

function readPasswords(databaseUrl: string | undefined): string[] {
  if (databaseUrl === undefined || !URL.canParse(databaseUrl)) return []
  const { password, searchParams } = new URL(databaseUrl)
  return [password, decode(password), searchParams.get('password') ?? ''].filter((one) => one !== '')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
