import { amount } from '../../baselines/index.ts'
import type { Unit } from '../../baselines/index.ts'
import { countOf, toOneLine, toPublicUrl } from '../../record/index.ts'
import type { Run } from '../../record/index.ts'

export { toPublicUrl } from '../../record/index.ts'

/**
 * Text of a target or a user as one harmless line of at most `maxCharacters`; U+FFFD stands for what was not
 * printed. Formats escape it as well. All text from outside reaches a report by this function.
 */
export function cleanText(text: string, maxCharacters = 300): string {
  return toOneLine(text, maxCharacters, '\ufffd')
}

export function capitalize(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}

/** Shown where nothing was measured. Not a zero, which would read as fast. */
export const notMeasured = '–'

/** A number for a table whose heading names the unit; it has the digits that `amount` writes in sentences. */
export function formatNumber(unit: Unit, value: number | undefined): string {
  return value === undefined || !Number.isFinite(value)
    ? notMeasured
    : (amount(unit, value).split(' ')[0] ?? notMeasured)
}

/** An integer in groups of three digits: `1,234,567`. */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',') : notMeasured
}

/** Requests per second with about three digits. */
export function formatRate(perSecond: number): string {
  return perSecond >= 1000 ? formatCount(perSecond) : formatNumber('ms', perSecond)
}

/** A duration in a unit that suits its length: `412 ms`, `2 min 30 s`, `24 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return amount('ms', Math.round(ms))
  const seconds = ms / 1000
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`
  if (seconds >= 7200) return `${Number((seconds / 3600).toFixed(1))} h`
  // Rounded before it is split: 179.7 s are 3 min, not 2 min 59 s, and never 2 min 60 s.
  const rounded = Math.round(seconds)
  return `${Math.floor(rounded / 60)} min${rounded % 60 === 0 ? '' : ` ${rounded % 60} s`}`
}

/** A time offset within a run: `12.4 s`. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** Requests that got any answer: those in the histograms. A run without one has no latency. */
export function countAnswered(run: Run): number {
  return Object.values(run.endpoints).reduce((sum, endpoint) => sum + countOf(endpoint.histogram), 0)
}

/**
 * A vigil command as it was typed, to be pasted into a shell, with some options changed or added. Options
 * that only change what is printed are left out, and so are passwords in URLs.
 *
 * @param args what followed `vigil`
 * @param changes by long name: `{ '--duration': '60' }`
 */
export function composeCommand(
  args: readonly string[],
  changes: Readonly<Record<string, string>> = {},
): string {
  const kept: string[] = []
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? ''
    const [name = '', value] = arg.startsWith('--') ? splitOption(arg) : []
    if (silent.has(name)) continue
    if (Object.hasOwn(changes, name)) {
      if (value === undefined) index += 1
      continue
    }
    kept.push(arg)
  }
  const changed = Object.entries(changes).flat()
  return ['vigil', ...kept, ...changed].map(quote).join(' ')
}

const silent: ReadonlySet<string> = new Set(['--json', '--quiet'])

function splitOption(arg: string): [string, string | undefined] {
  const at = arg.indexOf('=')
  return at === -1 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)]
}

function quote(arg: string): string {
  const shown = /^(--[a-z-]+=)?https?:\/\//.test(arg)
    ? arg.replace(/https?:\/\/.*$/, (url) => toPublicUrl(url))
    : arg
  return /^(?!~)[\w@%+=:,./^~-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", String.raw`'\''`)}'`
}
