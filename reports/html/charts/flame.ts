import { amount } from '../../../baselines/index.ts'
import type { FlameNode } from '../../../baselines/profiles/index.ts'
import { cleanText, formatCodePlace, formatSigned } from '../../wording/index.ts'
import { element, raw, text } from '../markup.ts'
import type { Markup } from '../markup.ts'
import { tip, widthOf } from './frame.ts'
import type { Caption } from './frame.ts'

const rowHeight = 18
/** Calls deeper than this are not drawn: the page ends somewhere. */
const maxRows = 60
/** A narrower box cannot be seen. */
const minWidth = 1.5

interface Box {
  node: FlameNode
  x: number
  width: number
  row: number
}

/**
 * A call tree from the top down. A box is as wide as the candidate's CPU time in a function and what it
 * called, and coloured by how much that changed. Undefined when the candidate used none.
 */
export function flameGraph(
  { id, title, description }: Caption,
  flame: readonly FlameNode[],
  width: number,
): Markup | undefined {
  const boxes = layOut(flame, width)
  if (boxes.length === 0) return undefined
  const height = (boxes.reduce((most, { row }) => Math.max(most, row), 0) + 1) * rowHeight
  const largest = boxes.reduce((most, { node }) => Math.max(most, Math.abs(changeOf(node))), 0)
  return element(
    'svg',
    {
      class: 'chart flame',
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-labelledby': `${id}-t ${id}-d`,
    },
    [
      element('title', { id: `${id}-t` }, text(title)),
      element('desc', { id: `${id}-d` }, text(description)),
      ...boxes.map((box) => drawBox(box, largest)),
    ],
  )
}

function changeOf({ totalMs }: FlameNode): number {
  return totalMs.candidate - totalMs.baseline
}

/** Callers come before what they called, so each place is known when it is needed. */
function layOut(flame: readonly FlameNode[], width: number): Box[] {
  const all = flame.reduce((sum, { parent, totalMs }) => sum + (parent < 0 ? totalMs.candidate : 0), 0)
  if (!(all > 0)) return []
  const boxes: (Box & { next: number })[] = []
  const places = new Map<number, Box & { next: number }>()
  let next = 0
  for (const [index, node] of flame.entries()) {
    const parent = places.get(node.parent)
    const own = (node.totalMs.candidate / all) * width
    if (own < minWidth || (node.parent >= 0 && parent === undefined)) continue
    const row = parent === undefined ? 0 : parent.row + 1
    if (row >= maxRows) continue
    const box = { node, x: parent?.next ?? next, width: own, row, next: parent?.next ?? next }
    if (parent === undefined) next += own
    else parent.next += own
    places.set(index, box)
    boxes.push(box)
  }
  return boxes
}

/** Three shades: up to a tenth of the largest change, up to a half, and more. */
function shadeOf(change: number, largest: number): string {
  const share = largest === 0 ? 0 : Math.abs(change) / largest
  if (share < 0.02) return 'same'
  return `${change > 0 ? 'more' : 'less'}-${share < 0.1 ? 1 : share < 0.5 ? 2 : 3}`
}

function drawBox({ node, x, width, row }: Box, largest: number): Markup {
  const { name, file, line, totalMs } = node
  const label = cleanText(name, 120)
  const fits = Math.floor((width - 6) / 6.9)
  const shown = widthOf(label) + 6 <= width ? label : `${[...label].slice(0, fits - 1).join('')}…`
  return element('g', {}, [
    tip(
      `${label}, ${formatCodePlace(file, line)}: ${amount('ms', totalMs.baseline)} → ` +
        `${amount('ms', totalMs.candidate)} of CPU time a request (${formatSigned(changeOf(node))})`,
    ),
    element('rect', {
      class: shadeOf(changeOf(node), largest),
      x,
      y: row * rowHeight,
      width: Math.max(0.5, width - 1),
      height: rowHeight - 1,
    }),
    fits < 3 ? raw('') : element('text', { x: x + 3, y: row * rowHeight + 13 }, text(shown)),
  ])
}
