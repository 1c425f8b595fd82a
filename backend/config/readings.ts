/** How one variable's text becomes a value, or what was found in its place. Secrets are never repeated in `found`. */
export type Reading<T> = (raw: string) => { value: T } | { found: string; expected: string }

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
    const value = raw.split(',').map((word) => word.trim()).filter((word) => word !== '')
    const wrong = value.find((word) => !pattern.test(word))
    return wrong === undefined ? { value } : { found: shown(wrong), expected }
  }
}

export function url(...protocols: readonly string[]): Reading<string> {
  const expected = `an address that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`
  // The value may hold a password, so it is not repeated.
  return (raw) => (URL.canParse(raw) && protocols.includes(new URL(raw).protocol) ? { value: raw } : { found: 'something else', expected })
}

export function secret(minLength: number): Reading<string> {
  return (raw) => (raw.length >= minLength ? { value: raw } : { found: `${raw.length} characters`, expected: `at least ${minLength} characters` })
}

// One line, bounded, without control characters: the value may come from anywhere.
function shown(raw: string): string {
  return JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}…` : raw)
}
