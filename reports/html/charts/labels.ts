import type { Markup } from '../markup.ts'
import { widthOf, words } from './frame.ts'

/** The label of a mark in a chart. `y` is the baseline; `x` is the side that `anchor` names. */
export interface Label {
  x: number
  y: number
  text: string
  anchor: 'start' | 'end'
  kind: 'strong' | 'over' | 'budget-label'
}

export interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

/**
 * Labels within `room` that overlap neither each other nor a mark or curve in `taken`. Each has its possible
 * positions, the best first. A label without a free position is left out: a phone chart has no space for
 * all, and the figures are below it.
 */
export function placed(labels: readonly (readonly Label[])[], room: Box, taken: readonly Box[]): Markup[] {
  const boxes = [...taken]
  return labels.flatMap((places) => {
    const free = places.find(
      (place) => within(boxOf(place), room) && !boxes.some((box) => overlap(box, boxOf(place))),
    )
    if (!free) return []
    boxes.push(boxOf(free))
    return [words(free.x, free.y, free.text, free.anchor, free.kind)]
  })
}

function boxOf({ x, y, text, anchor, kind }: Label): Box {
  const width = widthOf(text, kind !== 'budget-label')
  const left = anchor === 'end' ? x - width : x
  return { left, right: left + width, top: y - 10, bottom: y + 3 }
}

function within(box: Box, room: Box): boolean {
  return box.left >= room.left && box.right <= room.right && box.top >= room.top && box.bottom <= room.bottom
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/** The area of a curve, one box for each segment. */
export function boxesAlong(points: readonly (readonly [x: number, y: number])[]): Box[] {
  return points.slice(1).map(([x, y], index) => {
    const [fromX, fromY] = points[index] ?? [x, y]
    return {
      left: Math.min(x, fromX) - 1,
      right: Math.max(x, fromX) + 1,
      top: Math.min(y, fromY) - 2,
      bottom: Math.max(y, fromY) + 2,
    }
  })
}

/** The area of a horizontal line. */
export function lineBox(left: number, right: number, y: number): Box {
  return { left, right, top: y - 1, bottom: y + 1 }
}

export function boxAround(x: number, y: number, radius: number): Box {
  return { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius }
}
