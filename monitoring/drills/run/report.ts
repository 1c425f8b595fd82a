import { table } from '../../../reports/terminal/table.ts'
import type { Column } from '../../../reports/terminal/table.ts'
import type { DrillResult } from '../table/drill.ts'
import type { DrillsReport } from './run-drills.ts'

const columns: readonly Column[] = [
  { heading: 'alert', align: 'left', weight: Infinity },
  { heading: 'fires s', align: 'right', weight: 6 },
  { heading: 'delivered s', align: 'right', weight: 5 },
  { heading: 'escalated s', align: 'right', weight: 3 },
  { heading: 'resolved s', align: 'right', weight: 4 },
  { heading: 'to', align: 'left', weight: 2 },
  { heading: '', align: 'left', weight: Infinity },
]

/** The drills as a table for a person, what was lost below it, and one line that says how it ended. */
export function drillsText(report: DrillsReport, speed: number, width: number): string {
  const lines = table(columns, report.results.toSorted(byRequirement).map(rowOf), width)
  const lost = report.results.toSorted(byRequirement).filter(({ state }) => state !== 'passed')
  const notes = report.results
    .filter(({ standIn }) => standIn !== undefined)
    .map(({ requirement, alert, standIn }) => `* ${requirement} ${alert}: ${standIn}`)
  const stays = report.results
    .filter((result) => result.stays !== undefined)
    .map(
      ({ requirement, alert, stays: why }) => `- ${requirement} ${alert}: its end is not waited for: ${why}`,
    )
  return [
    ...lines,
    ...section(
      lost.map(
        ({ requirement, alert, hop, why }) =>
          `${requirement} ${alert}: lost at ${hop ?? 'the beginning'}: ${why ?? 'interrupted'}`,
      ),
    ),
    ...section(report.unexpected.map((line) => `unexpected: ${line}`)),
    ...section(report.problems),
    ...section([...notes, ...stays]),
    '',
    `${endingOf(report)} in ${Math.round(report.seconds)} s, on a clock ${speed} times as fast as production's: a minute is ${Number((60 / speed).toFixed(2))} s.`,
    '',
  ].join('\n')
}

function seconds(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(1)
}

function rowOf(result: DrillResult): string[] {
  return [
    `${result.requirement} ${result.alert}${result.standIn === undefined ? '' : ' *'}`,
    seconds(result.fireSeconds),
    seconds(result.deliverSeconds),
    seconds(result.escalateSeconds),
    result.stays === undefined ? seconds(result.resolveSeconds) : '-',
    [...result.deliveredTo, ...result.escalatedTo.map((to) => `then ${to}`)].map(shortDestination).join(', '),
    result.state === 'passed'
      ? 'pass'
      : result.state === 'failed'
        ? `LOST at ${result.hop ?? 'fault'}`
        : 'interrupted',
  ]
}

// An ARN's last part is its name.
function shortDestination(destination: string): string {
  return destination
    .split(' ')
    .map((word) => (word.startsWith('arn:') ? (word.split(':').at(-1) ?? word) : word))
    .join(' ')
}

function endingOf({ results, unexpected, problems }: DrillsReport): string {
  const passed = results.filter(({ state }) => state === 'passed').length
  const trouble = [
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected`] : []),
    ...(problems.length > 0 ? [`${problems.length} problems`] : []),
  ]
  return [`${passed} of ${results.length} drills delivered`, ...trouble].join(', ')
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines]
}

/** As the requirements list them: critical, high, medium, low. */
export function byRequirement(a: DrillResult, b: DrillResult): number {
  return rank(a) - rank(b)
}

function rank({ requirement }: DrillResult): number {
  return 'CHDL'.indexOf(requirement.charAt(0)) * 100 + Number(requirement.slice(1))
}
