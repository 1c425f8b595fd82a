import { cleanText } from '../wording/index.ts'

/** A part of a document that can be cut: opening, lines, closing. The head of a table is in `open`. */
export interface Block {
  open: string[]
  lines: string[]
  close: string[]
  /** Names the lines that were cut: `rows`, `notes`. */
  unit: string
}

/** GitHub refuses a comment of more than 65,536: the rest is for its mark, and where the report is. */
export const maxCharacters = 64_000

/**
 * The blocks as one text of at most `limit` characters. A sentence replaces the lines that do not fit, with
 * their number and the file that has them. A block whose opening does not fit is dropped, so no table or fold
 * stays open.
 */
export function joinBlocks(blocks: readonly Block[], limit = maxCharacters): string {
  const last = '\n_The rest did not fit into this report: see report.html._\n'
  let text = ''
  for (const block of blocks) {
    const room = limit - last.length - text.length
    const written = writeBlock(block, room)
    if (written === undefined) return text + last
    text += written
  }
  return text
}

function writeBlock({ open, lines, close, unit }: Block, room: number): string | undefined {
  const head = open.map((line) => `${line}\n`).join('')
  const tail = `${close.map((line) => `${line}\n`).join('')}\n`
  const note = (left: number): string => `\n_… and ${left} more ${unit}: see report.html._\n`
  let left = room - head.length - tail.length - note(lines.length).length
  if (left < 0) return undefined
  let body = ''
  for (const [index, line] of lines.entries()) {
    left -= line.length + 1
    if (left < 0) return head + body + note(lines.length - index) + tail
    body += `${line}\n`
  }
  return head + body + tail
}

export function paragraph(text: string): Block {
  return { open: [text], lines: [], close: [], unit: 'lines' }
}

export function list(heading: string, items: readonly string[], unit: string): Block[] {
  return items.length === 0
    ? []
    : [{ open: [heading, ''], lines: items.map((item) => `- ${item}`), close: [], unit }]
}

export interface Heading {
  text: string
  align?: 'right'
}

/** A table, folded below the summary `fold` (safe HTML) if given. */
export function tableBlock(
  headings: readonly Heading[],
  rows: readonly (readonly string[])[],
  unit: string,
  fold?: string,
): Block[] {
  if (rows.length === 0) return []
  const head = [
    `| ${headings.map(({ text }) => text).join(' | ')} |`,
    `|${headings.map(({ align }) => (align === 'right' ? '---:' : ':---')).join('|')}|`,
  ]
  const lines = rows.map((row) => `| ${row.join(' | ')} |`)
  if (fold === undefined) return [{ open: head, lines, close: [], unit }]
  return [
    {
      open: ['<details>', `<summary>${fold}</summary>`, '', ...head],
      lines,
      close: ['', '</details>'],
      unit,
    },
  ]
}

const zeroWidthSpace = '\u200b'

/**
 * Text from outside as prose of GitHub's Markdown. Every character with a meaning becomes a character
 * reference. A zero-width space breaks names, numbers and addresses that the site would turn into mentions or
 * links, because the site searches for them after it has rendered the Markdown.
 */
export function escapeProse(text: string, max?: number): string {
  return cleanText(text, max)
    .replaceAll(
      /[^\p{L}\p{N} ,.;'?%/≥≤–…\ufffd-]/gu,
      (character) => `&#${character.codePointAt(0) ?? 0xfffd};`,
    )
    .replaceAll(/&#(?:64|35|58|33);/g, (reference) => reference + zeroWidthSpace)
    .replaceAll(/\b(www)\./gi, `$1.${zeroWidthSpace}`)
    .replaceAll(/\b(GH)-/gi, `$1-${zeroWidthSpace}`)
    .replace(/^([-]|\d+\.)/, `${zeroWidthSpace}$1`)
}

/**
 * A name or an example as code. Text without special characters is a code span. Anything else is prose in an
 * HTML code element, so that no reader of the file, Markdown or not, finds markup from outside in it.
 */
export function formatCode(text: string, max?: number): string {
  const clean = cleanText(text, max)
  if (clean === '') return ''
  return /^[\w ./:=,'-]+$/.test(clean) ? `\`${clean}\`` : `<code>${escapeProse(clean, max)}</code>`
}
