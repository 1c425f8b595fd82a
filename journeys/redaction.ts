/*
 * Removes secrets from texts that come from outside: an answer, a check that quotes one, the output of a
 * process. k6 runs this file too, so it uses nothing of Node.
 */

/** Removes secrets from a text. */
export type Redact = (text: string) => string

const placeholder = '[redacted]'

// Secrets with a known form: credentials in headers, JSON Web Tokens, logins in URLs, fields with such names.
const patterns: readonly [form: RegExp, by: string][] = [
  [/\b(Bearer|Basic|Digest)\s+(?!\[redacted\])[^\s"'\\,;]+/gi, `$1 ${placeholder}`],
  [/\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?/g, placeholder],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]+@/gi, `$1${placeholder}@`],
  [
    new RegExp(
      String.raw`((?:authorization|cookie|password|passwd|secret|token|api[_-]?key)[\w-]*` +
        String.raw`\\?["']?\s*[:=]\s*\\?["']?)` +
        String.raw`(?!\[redacted\])(?!(?:Bearer|Basic|Digest)\s)[^\s"'\\,;&}]+`,
      'gi',
    ),
    `$1${placeholder}`,
  ],
]

/** A name of a variable, header or field whose value is a secret. */
const secretName = new RegExp(
  'AUTHORIZATION|COOKIE|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|SESSION[_-]?ID|SIGNATURE|' +
    '(?:API|PRIVATE|ACCESS)[_-]?KEY|DATABASE_URL',
  'i',
)
const minNamedLength = 6

/**
 * The values whose names say that they are secrets, and their parts: `Bearer <token>`, `name=<cookie>; …`.
 */
export function findSecrets(named: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(named).flatMap(([name, value]) => {
    if (value === undefined || value.length < minNamedLength || !secretName.test(name)) return []
    const parts = value.split(/[\s;,]+/).map((part) => part.replace(/^[\w-]{1,64}=(?=[^=])/, ''))
    const login = /^Basic\s+(\S+)/i.exec(value)?.[1]
    const decoded =
      login === undefined ? [] : [decodeBase64(login), decodeBase64(login).replace(/^[^:]*:/, '')]
    return [value, ...parts, ...decoded].filter(
      (part) => part.length >= minNamedLength && !/^(?:Bearer|Basic|Digest)$/i.test(part),
    )
  })
}

/** Removes these values from texts, and whatever has the form of a secret. */
export function createRedactor(values: readonly string[]): Redact {
  const redactValues = createValueRedactor(values)
  return (text) => {
    let redacted = redactValues(text)
    for (const [form, by] of patterns) redacted = redacted.replaceAll(form, by)
    return redacted
  }
}

/**
 * Removes these values from texts: as they are, encoded (in JSON, in a URL, in base64 of a text that contains
 * one), and cut off. Guesses nothing, so a text that a program reads stays readable.
 */
export function createValueRedactor(values: readonly string[]): Redact {
  const known = [...new Set(values)].filter((value) => value !== '')
  // The longest first: one secret may contain another.
  const forms = [...new Set(known.flatMap(listEncodings))]
    .filter((form) => form !== '')
    .toSorted((a, b) => b.length - a.length)
  const encoded = [...new Set(known.flatMap(listBase64Parts))]
  return (text) => {
    let redacted = text
    for (const form of forms) redacted = redacted.replaceAll(form, placeholder)
    for (const part of encoded) redacted = removeBase64(redacted, part)
    // A part of a long value may be a whole one that has been removed by now.
    for (const form of forms) redacted = removeParts(removeCut(redacted, form), form)
    return redacted
  }
}

/** The value as it stands in a text, in JSON, in JSON within JSON, in a URL, in a form and in HTML. */
function listEncodings(value: string): string[] {
  const json = quote(value)
  const percent = encodeURIComponent(toWellFormed(value))
  // RFC 3986 and forms encode these too.
  const whole = percent.replaceAll(/[!'()*~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
  return [
    value,
    // On one line, as messages are.
    value.replaceAll(/\s+/g, ' ').trim(),
    whole,
    whole.replaceAll('%20', '+').replaceAll('%2A', '*'),
    whole.replaceAll('%7E', '~'),
    json,
    quote(json),
    json.replaceAll(/[^ -~]/g, (unit) => `\\u${`000${unit.charCodeAt(0).toString(16)}`.slice(-4)}`),
    percent,
    percent.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    percent.replaceAll('%20', '+'),
    encodeURI(toWellFormed(value)),
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
  ]
}

function quote(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

// Half a surrogate pair cannot be encoded. k6's runtime has no `toWellFormed` of its own.
function toWellFormed(text: string): string {
  return text.replaceAll(/[\uD800-\uDFFF]/gu, '\uFFFD')
}

/** From this many characters on, the beginning of a secret is one that was cut off where the text ends. */
const minCutLength = 6
/** Where an ellipsis shows that a text was cut. */
const minShownCutLength = 4
/** From this many characters and half of it on, a part of a secret is a secret anywhere. */
const minPartLength = 8

/** A text ends with its last character, and at each ellipsis, where it was cut before it was quoted. */
function removeCut(text: string, form: string): string {
  const pieces = text.split('…')
  return pieces
    .map((piece, index) => {
      const least = index === pieces.length - 1 ? minCutLength : minShownCutLength
      for (let length = Math.min(form.length - 1, piece.length); length >= least; length -= 1)
        if (piece.endsWith(form.slice(0, length))) return piece.slice(0, -length) + placeholder
      return piece
    })
    .join('…')
}

function removeParts(text: string, form: string): string {
  const least = Math.min(form.length, Math.max(minPartLength, Math.ceil(form.length / 2)))
  const [first, last] = [form.slice(0, least), form.slice(-least)]
  let redacted = ''
  let from = 0
  for (;;) {
    const at = text.indexOf(first, from)
    if (at === -1) break
    let length = least
    while (length < form.length && text[at + length] === form[length]) length += 1
    redacted += text.slice(from, at) + placeholder
    from = at + length
  }
  // What lacks its beginning: less than half of it may be left in front.
  return (redacted + text.slice(from)).replaceAll(last, placeholder)
}

const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/**
 * What base64 of any text that contains the value contains: three forms, by the value's place among groups of
 * three bytes, without the characters that depend on its neighbours.
 */
function listBase64Parts(value: string): string[] {
  const bytes = toBytes(value)
  return [0, 1, 2].flatMap((offset) => {
    const encoded = encodeBase64([...Array.from({ length: offset }, () => 0), ...bytes])
    const part = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
    return part.length < minShownCutLength ? [] : [part, part.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

function removeBase64(text: string, part: string): string {
  if (!text.includes(part)) return text
  const escaped = part.replaceAll(/[+/]/g, '\\$&')
  return text.replaceAll(new RegExp(`[A-Za-z0-9+_-]*${escaped}[A-Za-z0-9+/_=-]*`, 'g'), placeholder)
}

/** The UTF-8 bytes of a text. k6's runtime has neither `TextEncoder` nor `Buffer`. */
function toBytes(text: string): number[] {
  const escaped = encodeURIComponent(toWellFormed(text))
  return [...escaped.matchAll(/%([0-9A-F]{2})|(.)/g)].map(([, hex, character = '']) =>
    hex === undefined ? character.charCodeAt(0) : Number.parseInt(hex, 16),
  )
}

function encodeBase64(bytes: readonly number[]): string {
  const bits = bytes.map((byte) => `0000000${byte.toString(2)}`.slice(-8)).join('')
  return [...bits.matchAll(/.{1,6}/g)]
    .map(([six]) => base64.charAt(Number.parseInt(six.padEnd(6, '0'), 2)))
    .join('')
}

function decodeBase64(text: string): string {
  const bits = [...text.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', '')]
    .map((character) => `00000${Math.max(0, base64.indexOf(character)).toString(2)}`.slice(-6))
    .join('')
  return [...bits.matchAll(/.{8}/g)].map(([byte]) => String.fromCharCode(Number.parseInt(byte, 2))).join('')
}

/** Characters of a text that are read: a check may quote an answer of megabytes, of which a line is kept. */
const maxQuotedLength = 2000
const maxRedactors = 200
const redactors = new Map<string, Redact>()

/**
 * Removes from a text about a request what the request carried: the journey's secrets and the credentials in
 * its headers, which a target may echo and a check may quote.
 */
export function redactProblem(
  text: string,
  secrets: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): string {
  const values = [...Object.values(secrets), ...findSecrets(headers)]
  const key = values.join('\n')
  // Under a load, thousands of requests carry the same few credentials.
  if (redactors.size >= maxRedactors && !redactors.has(key)) redactors.clear()
  const redact = redactors.get(key) ?? createRedactor(values)
  redactors.set(key, redact)
  return redact(text.slice(0, maxQuotedLength))
}
