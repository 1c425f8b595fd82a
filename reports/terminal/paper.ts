import type { RowStatus, VerdictWord } from '../../baselines/index.ts'
import { wrap } from './width.ts'

export interface TerminalOptions {
  color: boolean
  /** Columns; fewer than 40 are treated as 40. */
  width: number
}

export type Ink = 'red' | 'yellow' | 'green' | 'bold' | 'dim'

const codes: Record<Ink, string> = { red: '1;31', yellow: '33', green: '32', bold: '1', dim: '2' }

/** What a section of the summary is written on: knows the width and whether colour is wanted. */
export interface Paper {
  width: number
  ink: (ink: Ink, text: string) => string
  /** Lines of a paragraph, the first one after `lead`, the others indented as far. */
  paragraph: (lead: string, text: string) => string[]
}

export function paperOf({ color, width: asked }: TerminalOptions): Paper {
  const width = Number.isFinite(asked) ? Math.min(Math.max(Math.floor(asked), 40), 120) : 80
  return {
    width,
    ink: (ink, text) => (color && text !== '' ? `\u001b[${codes[ink]}m${text}\u001b[0m` : text),
    paragraph: (lead, text) => {
      const lines = wrap(text, width - lead.length)
      return lines.map((line, index) => (index === 0 ? lead : ' '.repeat(lead.length)) + line)
    },
  }
}

/** Colour says again what the word says; without colour nothing is lost. */
export function inkOf(status: RowStatus | VerdictWord): Ink {
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
