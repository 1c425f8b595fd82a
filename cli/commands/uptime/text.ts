import { createPaper, formatTable } from '../../../reports/terminal/index.ts'
import type { Paper, TerminalOptions, Column } from '../../../reports/terminal/index.ts'
import { formatCount, formatDuration, cleanText, toPublicUrl } from '../../../reports/wording/index.ts'
import type { ProbeUptime, Range, Shares } from '../../../synthetics/history/index.ts'

const mostDays = 14
const mostIncidents = 10
const mostSteps = 10

const columns: Column[] = [
  { heading: 'time (UTC)', align: 'left', weight: Infinity },
  { heading: 'up %', align: 'right', weight: Infinity },
  { heading: 'degraded %', align: 'right', weight: 1 },
  { heading: 'down %', align: 'right', weight: Infinity },
  { heading: 'unknown %', align: 'right', weight: Infinity },
]

/** Uptime for people: per probe its total, months and last days, error budget, incidents, flaky steps. */
export function uptimeText(
  probes: readonly ProbeUptime[],
  silent: readonly string[],
  range: { days: number; slo: number },
  options: TerminalOptions,
): string {
  const paper = createPaper(options)
  const sections = [
    ...probes.map((probe) => probeSection(probe, range.slo, paper)),
    ...silent.map((name) => silentSection(name, range.days, paper)),
  ]
  return sections.length === 0
    ? `no results in ${lastDays(range.days)}\n`
    : `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function lastDays(days: number): string {
  return days === 1 ? 'the last day' : `the last ${days} days`
}

function silentSection(name: string, days: number, paper: Paper): string[] {
  return [
    paper.ink('yellow', `${cleanText(name, 80)}  unknown`),
    ...paper.paragraph('  ', `no result in ${lastDays(days)}: is anything running this probe?`),
  ]
}

function probeSection(probe: ProbeUptime, slo: number, paper: Paper): string[] {
  const { days, months } = probe
  const shown = days.slice(-mostDays)
  const rows = [
    toRow('total', probe.shares),
    ...(months.length > 1 ? months.map(({ label, shares }) => toRow(label, shares)) : []),
    ...(days.length > 1 ? shown.map(({ label, shares }) => toRow(label, shares)) : []),
  ]
  const left = days.length - shown.length
  return [
    `${paper.ink('bold', cleanText(probe.probe, 80))}  ${toPublicUrl(probe.target)}`,
    ...paper.paragraph('  ', `since ${minute(probe.sinceMs)}, ${results(probe.results)}`),
    ...formatTable(columns, rows, paper.width - 2).map((line) => `  ${line}`),
    ...(left > 0 ? [`  … and ${left} earlier ${left === 1 ? 'day' : 'days'}: --json`] : []),
    ...objectiveLines(probe, slo, paper),
    ...incidentLines(probe, paper),
    ...flakeLines(probe, paper),
  ]
}

function toRow(label: string, { up, degraded, down, unknown }: Shares): string[] {
  return [label, ...[up, degraded, down, unknown].map(percent)]
}

/** Minutes of data say nothing of a promise for days: one failed probe would be a day's whole budget. */
const minKnownMs = 3_600_000

function objectiveLines(probe: ProbeUptime, slo: number, paper: Paper): string[] {
  const { objective, lastHour, shares, sinceMs, toMs } = probe
  const knownMs = (toMs - sinceMs) * (1 - shares.unknown)
  const available = `promised ${slo} %: available ${rangeText(objective.availability, percent)} %`
  if (knownMs < minKnownMs)
    return paper.paragraph(
      '  ',
      `${available} of ${formatDuration(toMs - sinceMs)}; an error budget needs an hour of data or more`,
    )
  const spent =
    objective.budgetLeft[1] < 0
      ? '; it is exhausted'
      : objective.budgetLeft[0] < 0
        ? `; it may be exhausted: ${percent(shares.unknown)} % had no data`
        : ''
  return paper.paragraph(
    '  ',
    `${available}, ${budgetText(objective.budgetLeft)}${spent}; burn rate ` +
      `${rangeText(objective.burnRate, figure)}, last hour ${rangeText(lastHour.burnRate, figure)}`,
  )
}

/** Per cent of it left; beyond twice the budget, how many times it was used. */
function budgetText([least, most]: Range): string {
  return least >= -1
    ? `error budget left ${rangeText([least, most], wholePercent)} %`
    : `error budget used ${rangeText([1 - most, 1 - least], (used) => `${figure(used)}×`)}`
}

function incidentLines({ incidents, toMs: nowMs, shares }: ProbeUptime, paper: Paper): string[] {
  if (incidents.length === 0)
    return [shares.down > 0 ? '  no incidents: too few results in a row were down' : '  no incidents']
  const newest = incidents.slice(-mostIncidents)
  return [
    `  ${incidents.length} ${incidents.length === 1 ? 'incident' : 'incidents'}` +
      (incidents.length > newest.length ? `, the last ${newest.length}` : ''),
    ...newest.flatMap(({ fromMs, toMs, down }) => {
      const length = formatDuration((toMs ?? nowMs) - fromMs)
      return paper.paragraph(
        '  - ',
        `${minute(fromMs)}, ${toMs === undefined ? 'open for ' : ''}${length}, ${results(down)} down`,
      )
    }),
  ]
}

function flakeLines({ steps }: ProbeUptime, paper: Paper): string[] {
  const flaky = steps
    .filter(({ flaked }) => flaked > 0)
    .toSorted((a, b) => b.flaked / b.runs - a.flaked / a.runs)
  return flaky
    .slice(0, mostSteps)
    .flatMap(({ step, flaked, runs }) =>
      paper.paragraph(
        '  ',
        `flaky: ${cleanText(step, 80)} passed only on a retry in ${formatCount(flaked)} of ` +
          `${formatCount(runs)} runs (${percent(flaked / runs)} %)`,
      ),
    )
}

/** Never rounds to 0 or 100: a minute down in a month is not 0 %, and 99.9999 is not 100 %. */
function percent(share: number): string {
  const value = share * 100
  if (value > 0 && value < 0.001) return '<0.001'
  if (value < 100 && value > 99.999) return '>99.999'
  return String(Number(value.toFixed(3)))
}

function wholePercent(share: number): string {
  return String(Math.round(share * 100))
}

function figure(value: number): string {
  return value >= 100 ? formatCount(value) : String(Number(value.toPrecision(2)))
}

function rangeText([least, most]: Range, written: (value: number) => string): string {
  const [from, to] = [written(least), written(most)]
  return from === to ? from : `${from} to ${to}`
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

function results(n: number): string {
  return n === 1 ? '1 result' : `${formatCount(n)} results`
}
