import { componentNames, components, isComponent } from './components.ts'
import type { StackState } from './state-file.ts'
import type { Target } from './targets.ts'

/** What is known of each part and each target, to be shown. */
export type Shown = Pick<StackState, 'components' | 'targets'>

/** The table of the stack: a line for each part, with its link, its state and what Prometheus says of it. */
export function stackTable({ components: parts, targets }: Shown): string {
  const rows = inOrder(parts).map((part) => [
    part.name,
    part.ended === undefined ? 'up' : 'ended',
    part.url,
    note(part, targets),
  ])
  const head = ['part', 'state', 'where', '']
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  return [head, ...rows]
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

/** What is looked at first comes first, however they were started. */
function inOrder(parts: Shown['components']): Shown['components'] {
  const places = new Map<string, number>(componentNames.map((name, place) => [name, place]))
  return parts.toSorted((a, b) => (places.get(b.name) ?? 0) - (places.get(a.name) ?? 0))
}

function note(part: Shown['components'][number], targets: readonly Shown['targets'][number][]): string {
  if (part.ended !== undefined) return part.ended
  const own = targets.filter(
    ({ url }) => URL.canParse(part.url) && new URL(url).host === new URL(part.url).host,
  )
  const down = own.find(({ health }) => health !== 'up')
  if (down)
    return `${aboutOf(part.name)}; its target is ${down.health}${down.error === '' ? '' : `: ${down.error}`}`
  if (part.name === 'prometheus')
    return `${targets.filter(({ health }) => health === 'up').length} of ${targets.length} targets up`
  return aboutOf(part.name)
}

function aboutOf(name: string): string {
  return isComponent(name) ? components[name].about : ''
}

/** The targets that are not up, each in a line. */
export function targetsDown(targets: readonly Pick<Target, 'job' | 'url' | 'health' | 'error'>[]): string[] {
  return targets
    .filter(({ health }) => health !== 'up')
    .map(
      ({ job, url, health, error }) =>
        `target ${job} (${url}) is ${health}${error === '' ? '' : `: ${error}`}`,
    )
}
