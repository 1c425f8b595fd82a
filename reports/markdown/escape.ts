import { plain } from '../wording/index.ts'

const invisible = '\u200b'

/**
 * Text from outside as prose of GitHub's Markdown: every character that means something is written as a character
 * reference, and names, numbers and addresses that the site would turn into mentions or links are broken by a space of no
 * width, since the site looks for them after the Markdown is gone.
 */
export function prose(text: string, max?: number): string {
  return plain(text, max)
    .replaceAll(
      /[^\p{L}\p{N} ,.;'?%/≥≤–…\ufffd-]/gu,
      (character) => `&#${character.codePointAt(0) ?? 0xfffd};`,
    )
    .replaceAll(/&#(?:64|35|58|33);/g, (reference) => reference + invisible)
    .replaceAll(/\b(www)\./gi, `$1.${invisible}`)
    .replaceAll(/\b(GH)-/gi, `$1-${invisible}`)
    .replace(/^([-]|\d+\.)/, `${invisible}$1`)
}

/**
 * A name or an example in the typeface of code. Tame text is a code span; anything else is prose within an HTML code
 * element, so that no reader of the file, Markdown or not, finds markup from outside in it.
 */
export function code(text: string, max?: number): string {
  const clean = plain(text, max)
  if (clean === '') return ''
  return /^[\w ./:=,'-]+$/.test(clean) ? `\`${clean}\`` : `<code>${prose(clean, max)}</code>`
}
