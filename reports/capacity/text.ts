import { isBusyBefore } from '../../load/capacity/index.ts'
import type { CapacityResult, NamedForecast, Level } from '../../load/capacity/index.ts'
import { formatCount, formatNumber, cleanText } from '../wording/index.ts'
import { createPaper, formatTable } from '../terminal/paper.ts'
import type { Ink, TerminalOptions, Column } from '../terminal/paper.ts'

/** The knee in one sentence. */
export function kneeSentence({ knee, loadUnit, capacityRps }: CapacityResult): string {
  const requests = capacityRps === undefined ? '' : `, ${formatCount(Math.round(capacityRps))} requests/s`
  const lowestBreaking = 'breaks' in knee ? formatLoad(knee.breaks) : ''
  const highestKept = 'keeps' in knee ? `${formatLoad(knee.keeps)} ${loadUnit}${requests}` : ''
  switch (knee.state) {
    case 'found':
      return `keeps every budget at ${highestKept}; breaks one at ${lowestBreaking}: the knee is between them`
    case 'beyond':
      return knee.because === 'most'
        ? `keeps every budget up to ${highestKept}, the highest load tried (--most)`
        : `keeps every budget up to ${highestKept}; above it the load generator is the bottleneck, ` +
            'not the service: generate the load on a larger machine'
    case 'below':
      return `breaks a budget at ${lowestBreaking} ${loadUnit}, the lowest load tried`
    case 'unknown':
      return 'nothing could be measured'
  }
}

/** The message of the broken budget at the lowest load that broke one. */
export function breakReason({ knee, levels }: CapacityResult): string | undefined {
  const at = knee.state === 'found' || knee.state === 'below' ? knee.breaks : undefined
  return levels.find(({ load: level }) => level === at)?.samples.flatMap(({ because }) => because)[0]
}

export function saturationSentence(result: CapacityResult): string {
  const { saturation, loadUnit, machineBusyBefore } = result
  const [first, ...others] = saturation
  const before = isBusyBefore(machineBusyBefore)
    ? `this machine was ${Math.round((machineBusyBefore ?? 0) * 100)} % busy before the load`
    : undefined
  if (!first)
    return before === undefined
      ? 'no observed resource reached its limit: check what the service waits for'
      : `${before}: no limit can be named, and the knee may be that of the other load; ` +
          'measure again when the machine is idle'
  const also =
    others.length === 0
      ? ''
      : `; then ${others.map(({ resource, atLoad }) => `${resource} (${formatLoad(atLoad)})`).join(', ')}`
  const load = `${formatLoad(first.atLoad)} ${loadUnit}`
  return (
    `first resource at its limit: ${first.resource}, at ${load}: ${first.message}${also}` +
    (before === undefined ? '' : `; ${before}`)
  )
}

export function settingsSentence(settings: NonNullable<CapacityResult['settings']>): string {
  const { variable, load: at, enough } = settings
  if (enough === undefined) return `${variable}: no value was sufficient`
  return (
    `${variable}=${enough} is sufficient: ` +
    `no larger value answers 5 % more requests at a load of ${formatLoad(at)}`
  )
}

export function forecastSentence({ name, limit, unit, forecast }: NamedForecast): string {
  const figure = (value: number): string => formatAmount(value, unit)
  const lead = `${cleanText(name, 64)}:`
  const limitText = figure(limit ?? Number.NaN)
  switch (forecast.state) {
    case 'unknown':
      return `${lead} unknown: ${cleanText(forecast.reason, 300)}`
    case 'too short':
      return `${lead} history too short: ${forecast.reason}`
    case 'reached':
      return `${lead} at its limit now (${figure(forecast.nowValue)} of ${limitText})`
    case 'not in sight': {
      const { low, middle, high } = forecast.perDay
      const growth = `grows by ${figure(middle)} a day (${figure(low)} to ${figure(high)})`
      const earliest =
        forecast.earliestMs === undefined ? '' : `, at the earliest ${formatDay(forecast.earliestMs)}`
      return (
        `${lead} ${figure(forecast.nowValue)}, ${growth}: ` +
        `does not reach its limit of ${limitText} within five years${earliest}`
      )
    }
    case 'in sight': {
      const growth = `grows by ${figure(forecast.perDay.middle)} a day`
      const latest = forecast.latestMs === undefined ? 'beyond five years' : formatDay(forecast.latestMs)
      return (
        `${lead} ${figure(forecast.nowValue)}, ${growth}: reaches its limit of ${limitText} ` +
        `about ${formatDay(forecast.likelyMs)} (${formatDay(forecast.earliestMs)} to ${latest})`
      )
    }
  }
}

/** A load with three digits, its precision. */
export function formatLoad(value: number): string {
  return value >= 1000 ? formatCount(value) : String(Number(value.toPrecision(3)))
}

function formatAmount(value: number, unit: NamedForecast['unit']): string {
  if (unit === 'bytes') return `${Number((value / 1e9).toPrecision(3))} GB`
  const short =
    Math.abs(value) >= 1000 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
  return unit === 'per second' ? `${short}/s` : short
}

function formatDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

const inks: Record<CapacityResult['knee']['state'], Ink> = {
  found: 'bold',
  beyond: 'bold',
  below: 'red',
  unknown: 'yellow',
}

/** The summary for a terminal: the knee, the resource at its limit, then the curve. */
export function capacityText(result: CapacityResult, options: TerminalOptions): string {
  const paper = createPaper(options)
  const reason = breakReason(result)
  const { settings, forecasts, levels } = result
  const lines = [
    ...paper
      .paragraph('', `capacity of ${cleanText(result.suite, 64)}: ${kneeSentence(result)}`)
      .map((line) => paper.ink(inks[result.knee.state], line)),
    ...(reason === undefined ? [] : paper.paragraph('  broken budget: ', cleanText(reason, 300))),
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

/** Numbers stand to the right; a column of the least weight is left out first on a narrow terminal. */
function tableColumns(first: string, numbers: [heading: string, weight: number][]): Column[] {
  return [
    { heading: first, align: 'left', weight: Infinity },
    ...numbers.map(([heading, weight]): Column => ({ heading, align: 'right', weight })),
  ]
}

function columns(unit: string): Column[] {
  const numbers: [string, number][] = [
    ['requests/s', 9],
    ['p50 ms', 3],
    ['p95 ms', 8],
    ['p99 ms', 2],
    ['errors', 7],
    ['CPU ms/req', 4],
    ['pool', 1],
    ['samples', 5],
  ]
  return [...tableColumns(unit, numbers), { heading: 'budgets', align: 'left', weight: Infinity }]
}

function settingColumns(variable: string): Column[] {
  return tableColumns(variable, [
    ['requests/s', 9],
    ['range', 3],
    ['p95 ms', 8],
    ['errors', 7],
  ])
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
    cpu === undefined ? '' : formatMs(cpu),
    pool === undefined ? '' : `${Math.round(pool * 100)} %`,
    String(samples.length),
    outcomes[level.outcome],
  ]
}

export const outcomes: Record<Level['outcome'], string> = {
  kept: 'kept',
  broke: 'BROKEN',
  unmeasured: 'not measured',
}

function formatRate(value: number): string {
  return formatCount(Math.round(value))
}

export function formatMs(value: number): string {
  return formatNumber('ms', value)
}

function formatPercent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(2))} %`
}
