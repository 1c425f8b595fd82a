import { z } from 'zod'

/**
 * Text of `min` to `max` characters as JSON Schema counts them (code points), that PostgreSQL can hold: no NUL and no
 * half of a surrogate pair.
 */
export function text(min: number, max: number): z.ZodType<string, string> {
  return z
    .string()
    .superRefine((value, context) => {
      const flaw = textFlaw(value, min, max)
      if (flaw !== undefined) context.addIssue({ code: 'custom', message: flaw })
    })
    .meta({ minLength: min, maxLength: max, pattern: '^[^\\u0000]*$' })
}

function textFlaw(value: string, min: number, max: number): string | undefined {
  // A code point is one or two units, so only the lengths in between need counting.
  const length = value.length > max && value.length <= max * 2 ? Array.from(value).length : value.length
  if (length < min) return `expected at least ${min} character${min === 1 ? '' : 's'}`
  if (length > max) return `expected at most ${max} characters`
  if (value.includes('\0')) return 'expected no NUL character'
  return value.isWellFormed() ? undefined : 'expected no lone surrogate'
}
