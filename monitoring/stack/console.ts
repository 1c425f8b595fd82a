import type { Delivery } from '../receivers/index.ts'
import { toOneLine } from '../../record/index.ts'
import type { StackState } from './state-file.ts'
import { stackTable } from './table.ts'

/** Shows the table and, above it, what happens: on a terminal the table stays at the bottom and is kept up to date. */
export interface StackConsole {
  table: (state: StackState) => void
  /** Something happened; with `state`, things are now so. */
  line: (text: string, state?: StackState) => void
}

/** @param width of the terminal in columns; undefined: it is none, so the table is written once, and lines after it */
export function stackConsole(write: (text: string) => void, width: number | undefined): StackConsole {
  let shown: StackState | undefined
  let height = 0
  const erase = (): void => {
    if (height > 0) write(`\u001B[${height}A\u001B[0J`)
    height = 0
  }
  const draw = (): void => {
    if (shown === undefined) return
    // A row that is broken by the terminal would be two to erase.
    const rows = stackTable(shown)
      .split('\n')
      .map((row) => [...row].slice(0, width).join(''))
    write(`${rows.join('\n')}\n`)
    height = rows.length
  }
  return {
    table: (state) => {
      shown = state
      erase()
      draw()
    },
    line: (text, state) => {
      if (width === undefined) return write(`${text}\n`)
      shown = state ?? shown
      erase()
      write(`${text}\n`)
      draw()
    },
  }
}

/** A notification in a line. */
export function notificationLine({ atMs, via, address, status, title, response }: Delivery): string {
  const refused = response.state === 'invalid' ? `  (refused: ${response.reason})` : ''
  const words = toOneLine(title)
  return `${new Date(atMs).toISOString().slice(11, 19)}Z  ${status.padEnd(8)}  ${via.padEnd(9)}  ${address}  ${words}${refused}`
}
