import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'
import type { RowStatus, VerdictWord } from '../../baselines/index.ts'

export interface TerminalOptions {
  color: boolean
  /** Columns; fewer than 40 are treated as 40. */
  width: number
}

export type Ink = 'red' | 'yellow' | 'green' | 'bold' | 'dim'

const colorCodes: Record<Ink, string> = { red: '1;31', yellow: '33', green: '32', bold: '1', dim: '2' }

/** The width and colours of a terminal, with the functions that use them. */
export interface Paper {
  width: number
  ink: (ink: Ink, text: string) => string
  /** Lines of a paragraph: the first starts with `lead`, the others are indented by its length. */
  paragraph: (lead: string, text: string) => string[]
  /** A path or a command to copy: one line after `lead`, however long it is. */
  copyable: (lead: string, text: string) => string[]
}

export function createPaper({ color, width: columns }: TerminalOptions): Paper {
  const width = Number.isFinite(columns) ? Math.min(Math.max(Math.floor(columns), 40), 120) : 80
  return {
    width,
    ink: (ink, text) => (color && text !== '' ? `\u001b[${colorCodes[ink]}m${text}\u001b[0m` : text),
    paragraph: (lead, text) => {
      const lines = wrap(text, width - lead.length)
      return lines.map((line, index) => (index === 0 ? lead : ' '.repeat(lead.length)) + line)
    },
    copyable: (lead, text) => [lead + text],
  }
}

/** The colour of a word. It adds no information to the word. */
export function inkFor(status: RowStatus | VerdictWord): Ink {
  switch (status) {
    case 'pass':
    case 'improved':
      return 'green'
    case 'fail':
      return 'red'
    case 'inconclusive':
    case 'invalid':
      return 'yellow'
    case 'skipped':
      return 'dim'
  }
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** How many columns a terminal uses for a text without control characters. */
export function measureWidth(text: string): number {
  return stringWidth(text)
}

/** The text in at most `width` columns; an ellipsis shows that it was cut. */
export function clip(text: string, width: number): string {
  if (measureWidth(text) <= width) return text
  return width > 0 ? `${takeColumns(text, width - 1)}…` : ''
}

/** The graphemes at the start of a text that fit into `width` columns. */
function takeColumns(text: string, width: number): string {
  let taken = ''
  let used = 0
  for (const { segment } of segmenter.segment(text)) {
    used += measureWidth(segment)
    if (used > width) break
    taken += segment
  }
  return taken
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - measureWidth(text)))
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - measureWidth(text))) + text
}

/**
 * The text as lines of at most `width` columns, broken at spaces; a longer word is split. Commands, paths and
 * URLs are never broken, because what is copied from two lines cannot be pasted: such a line may be wider.
 */
export function wrap(text: string, width: number): string[] {
  if (text.trim() === '') return []
  return wrapAnsi(text.replaceAll(command, joinWords), width)
    .split('\n')
    .flatMap((line) => (isCopyable(line) ? [line] : splitLong(line, width)))
    .map((line) => line.replaceAll(joint, ' '))
}

/** Stands for a space within a command while a text is wrapped. */
const joint = '\u00a0'

/**
 * A command of vigil in a sentence: after a colon to a semicolon or the end of the text, elsewhere its name,
 * a second word of its own and options.
 */
const command =
  /(?<=: )vigil [a-z](?:'[^']*'|(?!; )[^'])*|\bvigil [a-z]+(?: (?:accept|show|list|waive|ratchet)\b)?(?: --[a-z-]+(?:=\S+)?)*/g

function joinWords(text: string): string {
  return text.replaceAll(' ', joint)
}

/** A line of one word that is a command, a path or a URL. */
function isCopyable(line: string): boolean {
  return (
    line.startsWith(`vigil${joint}`) ||
    /^[("'`]?(?:https?:\/\/[\w.:[\]-]+|[\w.~@-]*)(?:\/[\w.@%+=:~-]*)+[)"'`.,;:]*$/.test(line)
  )
}

function splitLong(line: string, width: number): string[] {
  if (measureWidth(line) <= width) return [line]
  return wrapAnsi(line, width, { hard: true })
    .split('\n')
    .flatMap((part) => splitWide(part, width))
}

// wrap-ansi depends on string-width 8, which counts fewer columns for some Indic and Thai clusters.
function splitWide(line: string, width: number): string[] {
  const lines: string[] = []
  let rest = line
  while (measureWidth(rest) > width) {
    const [first] = segmenter.segment(rest)
    const head = takeColumns(rest, width) || (first?.segment ?? rest)
    lines.push(head)
    rest = rest.slice(head.length)
  }
  return rest === '' ? lines : [...lines, rest]
}

/**
 * A column of a table. A narrow terminal drops the lowest `weight` first, and never a column with Infinity.
 */
export interface Column {
  heading: string
  align: 'left' | 'right'
  weight: number
}

const gap = 2
/** The first column shrinks to this width before another column is dropped. */
const minFirstColumn = 16

/**
 * Rows of cells as lines of at most `width` columns: the first column is clipped, then columns are dropped.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const shown = selectColumns(columns, rows, width)
  const widths = shown.map((index) => measureColumn(columns, rows, index))
  const others = widths.slice(1).reduce((sum, w) => sum + w + gap, 0)
  widths[0] = Math.min(widths[0] ?? 0, Math.max(width - others, 1))
  const line = (cells: readonly string[]): string =>
    shown
      .map((column, position) => {
        const cell = clip(cells[column] ?? '', widths[position] ?? 0)
        return columns[column]?.align === 'right'
          ? padStart(cell, widths[position] ?? 0)
          : padEnd(cell, widths[position] ?? 0)
      })
      .join(' '.repeat(gap))
      .trimEnd()
  return [line(columns.map((column) => column.heading)), ...rows.map(line)]
}

function selectColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const shown = columns.map((_, index) => index)
  while (shown.length > 1 && measureRows(columns, rows, shown) > width) {
    const lightest = shown
      .slice(1)
      .reduce((a, b) => ((columns[b]?.weight ?? 0) < (columns[a]?.weight ?? 0) ? b : a))
    if (columns[lightest]?.weight === Infinity) break
    shown.splice(shown.indexOf(lightest), 1)
  }
  return shown
}

function measureRows(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  shown: readonly number[],
): number {
  const [first = 0, ...others] = shown.map((index) => measureColumn(columns, rows, index))
  return Math.min(first, minFirstColumn) + others.reduce((sum, w) => sum + w + gap, 0)
}

function measureColumn(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  index: number,
): number {
  return rows.reduce(
    (most, row) => Math.max(most, measureWidth(row[index] ?? '')),
    measureWidth(columns[index]?.heading ?? ''),
  )
}
