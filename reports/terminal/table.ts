import { clip, padEnd, padStart, widthOf } from './width.ts'

/** A column of a table; those with the lowest `weight` go first when the terminal is narrow, Infinity never goes. */
export interface Column {
  heading: string
  align: 'left' | 'right'
  weight: number
}

const gap = 2
/** The first column may shrink to this before another column has to go. */
const leastFirst = 16

/** Rows of cells as lines of at most `width` columns: the first column is clipped, then columns are left out. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const shown = columnsThatFit(columns, rows, width)
  const widths = shown.map((index) => columnWidth(columns, rows, index))
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

function columnsThatFit(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const shown = columns.map((_, index) => index)
  while (shown.length > 1 && neededWidth(columns, rows, shown) > width) {
    const lightest = shown
      .slice(1)
      .reduce((a, b) => ((columns[b]?.weight ?? 0) < (columns[a]?.weight ?? 0) ? b : a))
    if (columns[lightest]?.weight === Infinity) break
    shown.splice(shown.indexOf(lightest), 1)
  }
  return shown
}

function neededWidth(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  shown: readonly number[],
): number {
  const [first = 0, ...others] = shown.map((index) => columnWidth(columns, rows, index))
  return Math.min(first, leastFirst) + others.reduce((sum, w) => sum + w + gap, 0)
}

function columnWidth(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  index: number,
): number {
  return rows.reduce(
    (most, row) => Math.max(most, widthOf(row[index] ?? '')),
    widthOf(columns[index]?.heading ?? ''),
  )
}
