import type { CapacityResult, Level } from '../../load/capacity/index.ts'
import { count, plain } from '../wording/index.ts'
import { paperOf } from '../terminal/paper.ts'
import type { Ink, TerminalOptions } from '../terminal/paper.ts'
import { table } from '../terminal/table.ts'
import type { Column } from '../terminal/table.ts'
import {
  breakReason,
  forecastSentence,
  kneeSentence,
  load,
  saturationSentence,
  settingsSentence,
} from './sentences.ts'

const inks: Record<CapacityResult['knee']['state'], Ink> = {
  found: 'bold',
  beyond: 'bold',
  below: 'red',
  unknown: 'yellow',
}

/** The summary a person reads at a terminal: the knee, what was the limit, then the curve. */
export function capacityText(result: CapacityResult, options: TerminalOptions): string {
  const paper = paperOf(options)
  const reason = breakReason(result)
  const { settings, forecasts, levels } = result
  const lines = [
    ...paper
      .paragraph('', `capacity of ${plain(result.suite, 64)}: ${kneeSentence(result)}`)
      .map((line) => paper.ink(inks[result.knee.state], line)),
    ...(reason === undefined ? [] : paper.paragraph('  it broke: ', plain(reason, 300))),
    ...(levels.length === 0 ? [] : paper.paragraph('  ', saturationSentence(result))),
    ...(levels.length === 0 ? [] : ['', ...table(columns(result.loadUnit), levels.map(cells), paper.width)]),
    ...(settings === undefined
      ? []
      : [
          '',
          ...paper.paragraph('', settingsSentence(settings)),
          ...table(
            settingColumns(settings.variable),
            settings.results.map(
              ({ value, throughputRps, throughputRange: [low, high], p95Ms, errorRate }) => [
                value,
                rps(throughputRps),
                `${rps(low)}–${rps(high)}`,
                ms(p95Ms),
                percent(errorRate),
              ],
            ),
            paper.width,
          ),
        ]),
    ...(forecasts.length === 0
      ? []
      : ['', ...forecasts.flatMap((one) => paper.paragraph('', forecastSentence(one)))]),
  ]
  return `${lines.join('\n')}\n`
}

function right(heading: string, weight: number): Column {
  return { heading, align: 'right', weight }
}

function columns(unit: string): Column[] {
  return [
    { heading: unit, align: 'left', weight: Infinity },
    right('requests/s', 9),
    right('p50 ms', 3),
    right('p95 ms', 8),
    right('p99 ms', 2),
    right('errors', 7),
    right('CPU ms/req', 4),
    right('pool', 1),
    right('tries', 5),
    { heading: 'budgets', align: 'left', weight: Infinity },
  ]
}

function settingColumns(variable: string): Column[] {
  return [
    { heading: variable, align: 'left', weight: Infinity },
    right('requests/s', 9),
    right('range', 3),
    right('p95 ms', 8),
    right('errors', 7),
  ]
}

function cells(level: Level): string[] {
  const { samples } = level
  const [sample] = samples
  const pool = sample?.server.dbPoolUsedRatio
  const cpu = sample?.server.cpuMsPerRequest
  return [
    load(level.load),
    rps(level.throughputRps),
    ms(level.p50Ms),
    ms(level.p95Ms),
    ms(level.p99Ms),
    percent(level.errorRate),
    cpu === undefined ? '' : cpu.toPrecision(2),
    pool === undefined ? '' : `${Math.round(pool * 100)} %`,
    String(samples.length),
    outcomes[level.outcome],
  ]
}

const outcomes: Record<Level['outcome'], string> = {
  kept: 'kept',
  broke: 'BROKEN',
  unmeasured: 'not measured',
}

function rps(value: number): string {
  return count(Math.round(value))
}

function ms(value: number): string {
  return value.toPrecision(3)
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(2))} %`
}
