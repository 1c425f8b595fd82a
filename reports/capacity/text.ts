import type { CapacityResult, NamedForecast, Level } from '../../load/capacity/index.ts'
import { formatCount, cleanText } from '../wording/index.ts'
import { createPaper, formatTable } from '../terminal/paper.ts'
import type { Ink, TerminalOptions, Column } from '../terminal/paper.ts'

/** What was found about the knee, in one sentence. */
export function kneeSentence({ knee, loadUnit, capacityRps }: CapacityResult): string {
  const requests = capacityRps === undefined ? '' : `, ${formatCount(Math.round(capacityRps))} requests/s`
  switch (knee.state) {
    case 'found':
      return `keeps every budget at ${formatLoad(knee.keeps)} ${loadUnit}${requests}; breaks one at ${formatLoad(knee.breaks)}: the knee lies between`
    case 'beyond':
      return knee.because === 'most'
        ? `keeps every budget up to ${formatLoad(knee.keeps)} ${loadUnit}${requests}, the most that was asked for (--most)`
        : `keeps every budget up to ${formatLoad(knee.keeps)} ${loadUnit}${requests}; beyond it the generator here is the limit, not the service: load it from a larger machine`
    case 'below':
      return `breaks a budget already at ${formatLoad(knee.breaks)} ${loadUnit}, the least that was tried`
    case 'unknown':
      return 'nothing could be measured'
  }
}

/** Why it broke: the budget's own message at the lowest load that broke. */
export function breakReason({ knee, levels }: CapacityResult): string | undefined {
  const at = knee.state === 'found' || knee.state === 'below' ? knee.breaks : undefined
  return levels.find(({ load: level }) => level === at)?.samples.flatMap(({ because }) => because)[0]
}

export function saturationSentence({ saturation, loadUnit }: CapacityResult): string {
  const [first, ...others] = saturation
  if (!first) return 'no resource that was watched reached its limit: look at what the service waits for'
  const also =
    others.length === 0
      ? ''
      : `; then ${others.map(({ resource, atLoad }) => `${resource} (${formatLoad(atLoad)})`).join(', ')}`
  return `first at its limit: ${first.resource}, at ${formatLoad(first.atLoad)} ${loadUnit}: ${first.message}${also}`
}

export function settingsSentence(settings: NonNullable<CapacityResult['settings']>): string {
  const { variable, load: at, enough } = settings
  if (enough === undefined) return `${variable}: no value did well`
  return `${variable}=${enough} is enough: no larger value answers 5 % more at a load of ${formatLoad(at)}`
}

export function forecastSentence({ name, limit, unit, forecast }: NamedForecast): string {
  const figure = (value: number): string => amountOf(value, unit)
  const lead = cleanText(name, 64)
  switch (forecast.state) {
    case 'unknown':
      return `${lead}: not known: ${cleanText(forecast.reason, 300)}`
    case 'too short':
      return `${lead}: too short a history: ${forecast.reason}`
    case 'reached':
      return `${lead}: at its limit now (${figure(forecast.nowValue)} of ${figure(limit ?? Number.NaN)})`
    case 'not in sight':
      return `${lead}: ${figure(forecast.nowValue)}, grows by ${figure(forecast.perDay.middle)} a day (${figure(forecast.perDay.low)} to ${figure(forecast.perDay.high)}): its limit of ${figure(limit ?? Number.NaN)} is not in sight within five years${forecast.earliestMs === undefined ? '' : `, at the earliest ${day(forecast.earliestMs)}`}`
    case 'in sight':
      return `${lead}: ${figure(forecast.nowValue)}, grows by ${figure(forecast.perDay.middle)} a day: reaches its limit of ${figure(limit ?? Number.NaN)} about ${day(forecast.likelyMs)} (${day(forecast.earliestMs)} to ${forecast.latestMs === undefined ? 'beyond five years' : day(forecast.latestMs)})`
  }
}

/** Three digits are as many as a load is known to. */
export function formatLoad(value: number): string {
  return value >= 1000 ? formatCount(value) : String(Number(value.toPrecision(3)))
}

function amountOf(value: number, unit: NamedForecast['unit']): string {
  if (unit === 'bytes') return `${Number((value / 1e9).toPrecision(3))} GB`
  const short =
    Math.abs(value) >= 1000 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
  return unit === 'per second' ? `${short}/s` : short
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

const inks: Record<CapacityResult['knee']['state'], Ink> = {
  found: 'bold',
  beyond: 'bold',
  below: 'red',
  unknown: 'yellow',
}

/** The summary a person reads at a terminal: the knee, what was the limit, then the curve. */
export function capacityText(result: CapacityResult, options: TerminalOptions): string {
  const paper = createPaper(options)
  const reason = breakReason(result)
  const { settings, forecasts, levels } = result
  const lines = [
    ...paper
      .paragraph('', `capacity of ${cleanText(result.suite, 64)}: ${kneeSentence(result)}`)
      .map((line) => paper.ink(inks[result.knee.state], line)),
    ...(reason === undefined ? [] : paper.paragraph('  it broke: ', cleanText(reason, 300))),
    ...(levels.length === 0 ? [] : paper.paragraph('  ', saturationSentence(result))),
    ...(levels.length === 0
      ? []
      : ['', ...formatTable(columns(result.loadUnit), levels.map(cells), paper.width)]),
    ...(settings === undefined
      ? []
      : [
          '',
          ...paper.paragraph('', settingsSentence(settings)),
          ...formatTable(
            settingColumns(settings.variable),
            settings.results.map(
              ({ value, throughputRps, throughputRange: [low, high], p95Ms, errorRate }) => [
                value,
                formatRate(throughputRps),
                `${formatRate(low)}–${formatRate(high)}`,
                formatMs(p95Ms),
                formatPercent(errorRate),
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
    formatLoad(level.load),
    formatRate(level.throughputRps),
    formatMs(level.p50Ms),
    formatMs(level.p95Ms),
    formatMs(level.p99Ms),
    formatPercent(level.errorRate),
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

function formatRate(value: number): string {
  return formatCount(Math.round(value))
}

function formatMs(value: number): string {
  return value.toPrecision(3)
}

function formatPercent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(2))} %`
}
