import type { Delivery } from '../receivers/index.ts'
import { toOneLine } from '../../record/index.ts'
import { nextCommands } from './page/overview.ts'
import { components, isComponent, sortParts } from './plan.ts'
import type { StackState } from './detached.ts'
import type { Target } from './targets.ts'

/**
 * Prints the table and, above it, events: on a terminal the table stays at the bottom and is kept up to date.
 */
export interface StackConsole {
  table: (state: StackState) => void
  /** An event; `state` is the new state, if it has changed. */
  line: (text: string, state?: StackState) => void
}

/**
 * @param width of the terminal in columns; undefined where there is none: the table is then written once, and
 * events after it
 */
export function createStackConsole(write: (text: string) => void, width: number | undefined): StackConsole {
  let shown: StackState | undefined
  let height = 0
  const erase = (): void => {
    if (height > 0) write(`\u001B[${height}A\u001B[0J`)
    height = 0
  }
  const draw = (): void => {
    if (shown === undefined) return
    // A row that the terminal wraps would be two rows to erase.
    const rows = formatUp(shown, 'Ctrl-C')
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

/** One notification as a line. */
export function formatNotification({ atMs, via, address, status, title, response }: Delivery): string {
  const refused = response.state === 'invalid' ? `  (refused: ${response.reason})` : ''
  const time = `${new Date(atMs).toISOString().slice(11, 19)}Z`
  return [time, status.padEnd(8), via.padEnd(9), address, `${toOneLine(title)}${refused}`].join('  ')
}

/** The parts and targets to show. */
type Shown = Pick<StackState, 'components' | 'targets'>

/**
 * The table of the stack: a line for each part with its state, its link and what Prometheus reports of it.
 */
export function formatStackTable({ components: parts, targets }: Shown): string {
  const rows = sortParts(parts).map((part) => [
    part.name,
    part.ended === undefined ? 'up' : 'ended',
    part.url,
    describePart(part, targets),
  ])
  const head = ['part', 'state', 'where', '']
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  return [head, ...rows]
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

/**
 * The table, what to run next, and last the page that shows everything.
 *
 * @param howToEnd `Ctrl-C`
 */
export function formatUp(shown: Shown, howToEnd: string): string {
  const page = shown.components.find(({ name }) => name === 'receiver')?.url
  const next = nextCommands(shown.components).map(
    (command, index) => `  ${index === 0 ? 'next' : '    '}  ${command}`,
  )
  const last = page === undefined ? [] : [`Open ${page}   ${howToEnd} ends all`]
  return [formatStackTable(shown), '', ...next, '', ...last].join('\n')
}

function describePart(
  part: Shown['components'][number],
  targets: readonly Shown['targets'][number][],
): string {
  if (part.ended !== undefined) return part.ended
  const own = targets.filter(
    ({ url }) => URL.canParse(part.url) && new URL(url).host === new URL(part.url).host,
  )
  const down = own.find(({ health }) => health !== 'up')
  if (down) {
    const error = down.error === '' ? '' : `: ${down.error}`
    return `${describeComponent(part.name)}; its target is ${down.health}${error}`
  }
  if (part.name === 'prometheus')
    return `${targets.filter(({ health }) => health === 'up').length} of ${targets.length} targets up`
  return describeComponent(part.name)
}

function describeComponent(name: string): string {
  return isComponent(name) ? components[name].about : ''
}

/** A line for each target that is not up. */
export function describeDownTargets(
  targets: readonly Pick<Target, 'job' | 'url' | 'health' | 'error'>[],
): string[] {
  return targets
    .filter(({ health }) => health !== 'up')
    .map(
      ({ job, url, health, error }) =>
        `target ${job} (${url}) is ${health}${error === '' ? '' : `: ${error}`}`,
    )
}
