/** How one variable's text becomes a value, or what was found in its place. Secrets are never repeated in `found`. */
export type Reading<T> = (raw: string) => { value: T } | { found: string; expected: string }

/** Reads one variable; an absent or empty one comes to `fallback`. */
export type Read = <T, D>(name: string, reading: Reading<T>, fallback: D) => T | D

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number): Reading<number> {
  return (raw) => {
    const value = /^\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN
    if (value >= min && value <= max) return { value }
    return { found: shown(raw), expected: `a whole number from ${min} to ${max}` }
  }
}

export function oneOf<const T extends string>(...choices: readonly T[]): Reading<T> {
  return (raw) => {
    const value = choices.find((choice) => choice === raw)
    return value === undefined ? { found: shown(raw), expected: choices.join(', ') } : { value }
  }
}

export function text(pattern: RegExp, expected: string): Reading<string> {
  return (raw) => (pattern.test(raw) ? { value: raw } : { found: shown(raw), expected })
}

export function words(pattern: RegExp, expected: string): Reading<string[]> {
  return (raw) => {
    const value = raw
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '')
    const wrong = value.find((word) => !pattern.test(word))
    return wrong === undefined ? { value } : { found: shown(wrong), expected }
  }
}

/**
 * `name=value` pairs, separated by commas, values percent-encoded, as W3C baggage has them. Nothing of them is repeated:
 * headers hold keys.
 */
export function pairs(name: RegExp, value: RegExp): Reading<Record<string, string>> {
  const expected = 'name=value pairs, separated by commas, with values percent-encoded'
  return (raw) => {
    const read: Record<string, string> = {}
    for (const [index, pair] of raw.split(',').entries()) {
      if (pair.trim() === '') continue
      const at = pair.indexOf('=')
      const key = pair.slice(0, Math.max(at, 0)).trim()
      const decoded = percentDecoded(pair.slice(at + 1).trim())
      if (!name.test(key) || decoded === undefined || !value.test(decoded))
        return { found: `something else at number ${index + 1}`, expected }
      read[key] = decoded
    }
    return { value: read }
  }
}

function percentDecoded(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

export function url(...protocols: readonly string[]): Reading<string> {
  const expected = `an address that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`
  // The value may hold a password, so it is not repeated.
  return (raw) =>
    URL.canParse(raw) && protocols.includes(new URL(raw).protocol)
      ? { value: raw }
      : { found: 'something else', expected }
}

export function secret(minLength: number): Reading<string> {
  return (raw) =>
    raw.length >= minLength
      ? { value: raw }
      : { found: `${raw.length} characters`, expected: `at least ${minLength} characters` }
}

// One line, bounded, without control characters: the value may come from anywhere.
function shown(raw: string): string {
  return JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}…` : raw)
}
