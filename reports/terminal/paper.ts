import type { RowStatus, VerdictWord } from '../../baselines/index.ts'

export interface TerminalOptions {
  color: boolean
  /** Columns; fewer than 40 are treated as 40. */
  width: number
}

export type Ink = 'red' | 'yellow' | 'green' | 'bold' | 'dim'

const colorCodes: Record<Ink, string> = { red: '1;31', yellow: '33', green: '32', bold: '1', dim: '2' }

/** What a section of the summary is written on: knows the width and whether colour is wanted. */
export interface Paper {
  width: number
  ink: (ink: Ink, text: string) => string
  /** Lines of a paragraph, the first one after `lead`, the others indented as far. */
  paragraph: (lead: string, text: string) => string[]
}

export function createPaper({ color, width: asked }: TerminalOptions): Paper {
  const width = Number.isFinite(asked) ? Math.min(Math.max(Math.floor(asked), 40), 120) : 80
  return {
    width,
    ink: (ink, text) => (color && text !== '' ? `\u001b[${colorCodes[ink]}m${text}\u001b[0m` : text),
    paragraph: (lead, text) => {
      const lines = wrap(text, width - lead.length)
      return lines.map((line, index) => (index === 0 ? lead : ' '.repeat(lead.length)) + line)
    },
  }
}

/** Colour says again what the word says; without colour nothing is lost. */
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
// Scripts that terminals draw two columns wide (East Asian Wide and Fullwidth, UAX #11), and pictographs.
const wide =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18d8f}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
// Drawn onto the character before: marks, skin tones, the vowels and ends of Korean syllables.
const joining = /[\p{Mn}\p{Me}\p{Emoji_Modifier}\u1160-\u11ff\ud7b0-\ud7fb]/u
const flagHalf = /\p{Regional_Indicator}/u
// Asks for the coloured, wide form of a character that is narrow otherwise.
const asEmoji = '\ufe0f'

/** How many columns a terminal gives to a text without control characters; where terminals differ, the most. */
export function measureWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += columnsOf(segment)
  return width
}

// Not one or two for each grapheme: terminals add up its characters, and a cluster of many (क्ष, ᄀᄀ) is drawn that wide.
function columnsOf(segment: string): number {
  const least = wide.test(segment) || segment.includes(asEmoji) ? 2 : 1
  const drawn = [...segment].reduce(
    (sum, character) =>
      sum + (joining.test(character) ? 0 : !flagHalf.test(character) && wide.test(character) ? 2 : 1),
    0,
  )
  return Math.max(least, drawn)
}

/** The text in at most `width` columns; what is cut is shown by an ellipsis. */
export function clip(text: string, width: number): string {
  if (measureWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of segmenter.segment(text)) {
    const columns = measureWidth(segment)
    if (used + columns > width - 1) break
    kept += segment
    used += columns
  }
  return width > 0 ? `${kept}…` : ''
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - measureWidth(text)))
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - measureWidth(text))) + text
}

/** The text as lines of at most `width` columns, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((part) => pieces(part, width))) {
    if (line !== '' && measureWidth(line) + 1 + measureWidth(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}

// A word longer than the line (a URL, a hash) is cut into pieces: lines never overflow, whatever is in them.
function pieces(word: string, width: number): string[] {
  if (measureWidth(word) <= width) return [word]
  const parts = ['']
  for (const { segment } of segmenter.segment(word)) {
    const last = parts.at(-1) ?? ''
    if (measureWidth(last) + measureWidth(segment) > width) parts.push(segment)
    else parts[parts.length - 1] = last + segment
  }
  return parts
}

/** A column of a table; those with the lowest `weight` go first when the terminal is narrow, Infinity never goes. */
export interface Column {
  heading: string
  align: 'left' | 'right'
  weight: number
}

const gap = 2
/** The first column may shrink to this before another column has to go. */
const minFirstColumn = 16

/** Rows of cells as lines of at most `width` columns: the first column is clipped, then columns are left out. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const shown = selectColumns(columns, rows, width)
  const widths = shown.map((index) => measureColumn(columns, rows, index))
  const rest = widths.slice(1).reduce((sum, w) => sum + w + gap, 0)
  widths[0] = Math.min(widths[0] ?? 0, Math.max(width - rest, 1))
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
