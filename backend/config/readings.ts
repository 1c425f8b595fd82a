/** Converts the text of one variable to a value. Throws an error that says what was found and expected. */
export type Parser<T> = (raw: string) => T

/** Reads one variable; an absent or empty one gives `fallback`. */
export type Read = <T, D>(name: string, parser: Parser<T>, fallback: D) => T | D

/** A parser for texts that `parse` converts; `describe` must not quote secrets. */
function parser<T>(
  expected: string,
  parse: (raw: string) => T | undefined,
  describe: (raw: string) => string = quote,
): Parser<T> {
  return (raw) => {
    const value = parse(raw)
    if (value === undefined) throw new Error(`found ${describe(raw)}, expected ${expected}`)
    return value
  }
}

export const wholeNumber = (min: number, max: number): Parser<number> =>
  parser(`a whole number from ${min} to ${max}`, (raw) => {
    const value = /^\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN
    return value >= min && value <= max ? value : undefined
  })

export const oneOf = <const T extends string>(...choices: readonly T[]): Parser<T> =>
  parser(choices.join(', '), (raw) => choices.find((choice) => choice === raw))

export const text = (pattern: RegExp, expected: string): Parser<string> =>
  parser(expected, (raw) => (pattern.test(raw) ? raw : undefined))

export const secret = (minLength: number, expected = `at least ${minLength} characters`): Parser<string> =>
  parser(
    expected,
    (raw) => (raw.length >= minLength ? raw : undefined),
    (raw) => `${raw.length} characters`,
  )

// The message does not quote the value, which may contain a password.
export const url = (...protocols: readonly string[]): Parser<string> =>
  parser(
    `an address that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    (raw) => (URL.canParse(raw) && protocols.includes(new URL(raw).protocol) ? raw : undefined),
    () => 'something else',
  )

/** Words, separated by commas. */
export function wordList(pattern: RegExp, expected: string): Parser<string[]> {
  const word = text(pattern, expected)
  return (raw) => splitList(raw).map((part) => word(part))
}

/**
 * `name=value` pairs, separated by commas, with percent-encoded values as in W3C baggage. Messages do not
 * quote them, because headers contain keys. `pattern`: of a pair, with its value decoded.
 */
export function pairs(pattern: RegExp): Parser<Record<string, string>> {
  const readPair = (pair: string, index: number): [string, string] => {
    const [, name = '', encoded = '%'] = /^([^=]*?)\s*=\s*(.*)$/.exec(pair) ?? []
    const value = decodePercent(encoded)
    if (value !== undefined && pattern.test(`${name}=${value}`)) return [name, value]
    const expected = 'name=value pairs, separated by commas, with values percent-encoded'
    throw new Error(`found something else at number ${index + 1}, expected ${expected}`)
  }
  return (raw) => Object.fromEntries(splitList(raw).map(readPair))
}

function splitList(raw: string): string[] {
  const parts = raw.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

function decodePercent(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

// One short line without control characters, because the value is not trusted.
function quote(raw: string): string {
  return JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}…` : raw)
}
