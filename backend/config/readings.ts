/**
 * Converts the text of one variable to a value, or reports what was found instead. `found` never contains a
 * secret.
 */
export type Parser<T> = (raw: string) => { value: T } | { found: string; expected: string }

/** Reads one variable; an absent or empty one gives `fallback`. */
export type Read = <T, D>(name: string, reading: Parser<T>, fallback: D) => T | D

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): Parser<number> {
  return (raw) => {
    const value = /^\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN
    if (value >= min && value <= max) return { value }
    return { found: quote(raw), expected: `a whole number from ${min} to ${max}` }
  }
}

export function oneOf<const T extends string>(...choices: readonly T[]): Parser<T> {
  return (raw) => {
    const value = choices.find((choice) => choice === raw)
    return value === undefined ? { found: quote(raw), expected: choices.join(', ') } : { value }
  }
}

export function text(pattern: RegExp, expected: string): Parser<string> {
  return (raw) => (pattern.test(raw) ? { value: raw } : { found: quote(raw), expected })
}

export function wordList(pattern: RegExp, expected: string): Parser<string[]> {
  return (raw) => {
    const value = raw
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '')
    const wrong = value.find((word) => !pattern.test(word))
    return wrong === undefined ? { value } : { found: quote(wrong), expected }
  }
}

/**
 * `name=value` pairs, separated by commas, with percent-encoded values as in W3C baggage. Messages do not
 * quote them, because headers contain keys.
 */
export function pairs(name: RegExp, value: RegExp): Parser<Record<string, string>> {
  const expected = 'name=value pairs, separated by commas, with values percent-encoded'
  return (raw) => {
    const read: Record<string, string> = {}
    for (const [index, pair] of raw.split(',').entries()) {
      if (pair.trim() === '') continue
      const at = pair.indexOf('=')
      const key = pair.slice(0, Math.max(at, 0)).trim()
      const decoded = decodePercent(pair.slice(at + 1).trim())
      if (!name.test(key) || decoded === undefined || !value.test(decoded))
        return { found: `something else at number ${index + 1}`, expected }
      read[key] = decoded
    }
    return { value: read }
  }
}

function decodePercent(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

export function url(...protocols: readonly string[]): Parser<string> {
  const expected = `an address that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`
  // The message does not quote the value, which may contain a password.
  return (raw) =>
    URL.canParse(raw) && protocols.includes(new URL(raw).protocol)
      ? { value: raw }
      : { found: 'something else', expected }
}

export function secret(minLength: number): Parser<string> {
  return (raw) =>
    raw.length >= minLength
      ? { value: raw }
      : { found: `${raw.length} characters`, expected: `at least ${minLength} characters` }
}

// One short line without control characters, because the value is not trusted.
function quote(raw: string): string {
  return JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}…` : raw)
}
