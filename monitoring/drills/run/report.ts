import { element, escapeXml } from '../../../reports/junit/index.ts'
import { formatTable } from '../../../reports/terminal/index.ts'
import type { Column } from '../../../reports/terminal/index.ts'
import { destinationText } from '../observation/observation.ts'
import type { Drill, DrillResult } from '../table/drill.ts'
import type { DrillsReport } from './run-drills.ts'

/** The document that `--json` prints. Seconds are of the drills' clock. */
export function drillsDocument(report: DrillsReport, speed: number): object {
  return {
    schema: 'vigil.drills/1',
    verdict: judgeDrills(report),
    speed,
    seconds: report.seconds,
    drills: report.results.toSorted(byRequirement).map(({ messages, ...result }) => ({
      ...result,
      messages: messages.map(({ atMs, status, title, ...message }) => ({
        atMs,
        to: destinationText(message),
        status,
        title,
      })),
    })),
    unexpected: report.unexpected,
    problems: report.problems,
  }
}

/** `invalid`: the environment was not reliable, so the drills say nothing about the alerts. */
export function judgeDrills({ results, unexpected, problems }: DrillsReport): 'pass' | 'fail' | 'invalid' {
  if (problems.length > 0 || results.length === 0 || results.some(({ state }) => state === 'interrupted'))
    return 'invalid'
  return unexpected.length > 0 || results.some(({ state }) => state === 'failed') ? 'fail' : 'pass'
}

const columns: readonly Column[] = [
  { heading: 'alert', align: 'left', weight: Infinity },
  { heading: 'fires s', align: 'right', weight: 6 },
  { heading: 'delivered s', align: 'right', weight: 5 },
  { heading: 'escalated s', align: 'right', weight: 3 },
  { heading: 'resolved s', align: 'right', weight: 4 },
  { heading: 'to', align: 'left', weight: 7 },
  { heading: 'then to', align: 'left', weight: 2 },
  { heading: '', align: 'left', weight: Infinity },
]

/** A table of the drills, the lost alerts with the reasons, and a summary in one line. */
export function drillsText(report: DrillsReport, speed: number, width: number): string {
  const results = report.results.toSorted(byRequirement)
  const simulated = report.results.flatMap(({ requirement, alert, standIn }) =>
    standIn === undefined ? [] : [`* ${requirement} ${alert}: ${standIn}`],
  )
  const unresolved = report.results.flatMap(({ requirement, alert, stays }) =>
    stays === undefined ? [] : [`- ${requirement} ${alert}: resolution not awaited: ${stays}`],
  )
  const minute = Number((60 / speed).toFixed(2))
  return [
    ...formatTable(columns, results.map(toRow), width),
    ...section(
      results
        .filter(({ state }) => state !== 'passed')
        .map((result) => `${result.requirement} ${result.alert}: ${lostText(result)}`),
    ),
    ...section(report.unexpected.map((line) => `unexpected: ${line}`)),
    ...section(report.problems),
    ...section([...simulated, ...unresolved]),
    '',
    `${summaryText(report)} in ${Math.round(report.seconds)} s, on a clock ${speed} times as fast as ` +
      `production's: a minute is ${minute} s.`,
    '',
  ].join('\n')
}

export function lostText({ hop, why }: DrillResult): string {
  return `lost at ${hop ?? 'the beginning'}: ${why ?? 'interrupted'}`
}

function secondsText(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(1)
}

const stateText = {
  passed: () => 'pass',
  failed: ({ hop }: DrillResult) => `LOST at ${hop ?? 'fault'}`,
  interrupted: () => 'interrupted',
}

function toRow(result: DrillResult): string[] {
  return [
    `${result.requirement} ${result.alert}${result.standIn === undefined ? '' : ' *'}`,
    secondsText(result.fireSeconds),
    secondsText(result.deliverSeconds),
    secondsText(result.escalateSeconds),
    result.stays === undefined ? secondsText(result.resolveSeconds) : '-',
    result.deliveredTo.map(shortDestination).join(', '),
    result.escalatedTo.map(shortDestination).join(', '),
    stateText[result.state](result),
  ]
}

/** Without what its channel says: `sms todo-on-call`, `pagerduty on_call`. */
export function shortDestination(destination: string): string {
  return destination.replace(/\barn:\S*:/, '').replace(/(\w+) \1_/, '$1 ')
}

/** What `--list --json` prints. */
export function drillListDocument(drills: readonly Drill[]): object {
  return {
    schema: 'vigil.drill-list/1',
    drills: drills
      .toSorted(byRequirement)
      .map(({ requirement, alert, fault, to, inhibits, escalations }) => ({
        requirement,
        alert,
        fault,
        to: to.map(destinationText),
        inhibits,
        escalations: escalations.map((step) => ({ alert: step.alert, to: step.to.map(destinationText) })),
      })),
  }
}

/** All drills, in the order of the requirements: what each one breaks, and who must get its alert. */
export function drillListText(drills: readonly Drill[], width: number): string {
  const rows = drills
    .toSorted(byRequirement)
    .map(({ requirement, alert, fault, to, escalations }) => [
      `${requirement} ${alert}`,
      fault,
      to.map((one) => shortDestination(destinationText(one))).join(', '),
      escalations.map(({ afterMs }) => `${afterMs / 60_000} min`).join(', '),
    ])
  return [...formatTable(listColumns, rows, width), ''].join('\n')
}

const listColumns: readonly Column[] = [
  { heading: 'alert', align: 'left', weight: Infinity },
  { heading: 'fault', align: 'left', weight: 7 },
  { heading: 'to', align: 'left', weight: 8 },
  { heading: 'escalates after', align: 'left', weight: 6 },
]

export function summaryText({ results, unexpected, problems }: DrillsReport): string {
  const passed = results.filter(({ state }) => state === 'passed').length
  return [
    `${passed} of ${results.length} drills delivered`,
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected`] : []),
    ...(problems.length > 0 ? [`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`] : []),
  ].join(', ')
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines]
}

type Ranked = Pick<DrillResult, 'requirement'>

/** The order of the requirements: critical, high, medium, low. */
export function byRequirement(a: Ranked, b: Ranked): number {
  return rank(a) - rank(b)
}

function rank({ requirement }: Ranked): number {
  return 'CHDL'.indexOf(requirement.charAt(0)) * 100 + Number(requirement.slice(1))
}

/**
 * JUnit XML: a case for each drill, one for unexpected notifications, and one for each problem of the
 * environment.
 */
export function drillsJunit({ results, unexpected, problems, seconds }: DrillsReport): string {
  const cases = [
    ...results.toSorted(byRequirement).map(drillCase),
    unexpectedCase(unexpected),
    ...problems.map((problem) =>
      element('testcase', { classname: 'vigil.drill', name: 'environment', time: '0' }, [
        element('error', { type: 'invalid', message: problem }),
      ]),
    ),
  ]
  const failures = results.filter(({ state }) => state === 'failed').length + (unexpected.length > 0 ? 1 : 0)
  const errors = results.filter(({ state }) => state === 'interrupted').length + problems.length
  const counts = { tests: cases.length, failures, errors, skipped: 0, time: seconds.toFixed(1) }
  const suite = element('testsuite', { name: 'drill', ...counts }, cases)
  const suites = element('testsuites', { name: 'vigil drill', ...counts }, [suite])
  return `<?xml version="1.0" encoding="UTF-8"?>\n${suites}\n`
}

function drillCase(result: DrillResult): string {
  const times = [result.fireSeconds, result.deliverSeconds, result.escalateSeconds, result.resolveSeconds]
  const attributes = {
    classname: 'vigil.drill',
    name: `${result.requirement} ${result.alert}`,
    time: times.reduce<number>((sum, part) => sum + (part ?? 0), 0).toFixed(1),
  }
  if (result.state === 'passed')
    return element('testcase', attributes, [
      element('system-out', {}, [
        escapeXml(`${result.fault}: delivered to ${result.deliveredTo.join(', ')}`),
      ]),
    ])
  const kind = result.state === 'failed' ? 'failure' : 'error'
  const outcome = { type: result.hop ?? result.state, message: lostText(result) }
  return element('testcase', attributes, [element(kind, outcome, [escapeXml(result.fault)])])
}

function unexpectedCase(unexpected: readonly string[]): string {
  const attributes = { classname: 'vigil.drill', name: 'no unexpected notifications', time: '0' }
  if (unexpected.length === 0) return element('testcase', attributes)
  return element('testcase', attributes, [
    element('failure', { type: 'unexpected', message: unexpected[0] ?? '' }, unexpected.map(escapeXml)),
  ])
}
