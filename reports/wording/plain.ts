import { toOneLine } from '../../record/index.ts'

/**
 * Text of a target or a user as one harmless line of at most `max` characters; U+FFFD shows where something was not printed.
 * Formats escape on top of it; nothing from outside reaches a report without passing here.
 */
export function plain(text: string, max = 300): string {
  return toOneLine(text, max, '\ufffd')
}

export { toPublicUrl as plainUrl } from '../../record/index.ts'
