import type { CapacityResult, NamedForecast } from '../../load/capacity/index.ts'
import { count, plain } from '../wording/index.ts'

/** What was found about the knee, in one sentence. */
export function kneeSentence({ knee, loadUnit, capacityRps }: CapacityResult): string {
  const requests = capacityRps === undefined ? '' : `, ${count(Math.round(capacityRps))} requests/s`
  switch (knee.state) {
    case 'found':
      return `keeps every budget at ${load(knee.keeps)} ${loadUnit}${requests}; breaks one at ${load(knee.breaks)}: the knee lies between`
    case 'beyond':
      return knee.because === 'most'
        ? `keeps every budget up to ${load(knee.keeps)} ${loadUnit}${requests}, the most that was asked for (--most)`
        : `keeps every budget up to ${load(knee.keeps)} ${loadUnit}${requests}; beyond it the generator here is the limit, not the service: load it from a larger machine`
    case 'below':
      return `breaks a budget already at ${load(knee.breaks)} ${loadUnit}, the least that was tried`
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
      : `; then ${others.map(({ resource, atLoad }) => `${resource} (${load(atLoad)})`).join(', ')}`
  return `first at its limit: ${first.resource}, at ${load(first.atLoad)} ${loadUnit}: ${first.message}${also}`
}

export function settingsSentence(settings: NonNullable<CapacityResult['settings']>): string {
  const { variable, load: at, enough } = settings
  if (enough === undefined) return `${variable}: no value did well`
  return `${variable}=${enough} is enough: no larger value answers 5 % more at a load of ${load(at)}`
}

export function forecastSentence({ name, limit, unit, forecast }: NamedForecast): string {
  const figure = (value: number): string => amountOf(value, unit)
  const lead = plain(name, 64)
  switch (forecast.state) {
    case 'unknown':
      return `${lead}: not known: ${plain(forecast.reason, 300)}`
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
export function load(value: number): string {
  return value >= 1000 ? count(value) : String(Number(value.toPrecision(3)))
}

function amountOf(value: number, unit: NamedForecast['unit']): string {
  if (unit === 'bytes') return `${Number((value / 1e9).toPrecision(3))} GB`
  const short = Math.abs(value) >= 1000 ? count(Math.round(value)) : String(Number(value.toPrecision(3)))
  return unit === 'per second' ? `${short}/s` : short
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
