/** Prometheus' units from the longest to the shortest, in milliseconds. A year is 365 days there. */
const units = [
  ['y', 31_536_000_000],
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** How much faster than production's clock the drills' clock runs: 50 turns 5 minutes into 6 seconds. */
export type Speed = number

/** Milliseconds of a duration as Prometheus and Alertmanager write it (`1h30m`); undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  let total = 0
  let at = 0
  let next = 0
  while (at < text.length) {
    const digits = digitsAt(text, at)
    const afterDigits = at + digits.length
    // 'ms' before 'm': the longer unit is the one that is meant.
    const index = units.findIndex(
      ([unit]) => text.startsWith(unit, afterDigits) && !(unit === 'm' && text.startsWith('ms', afterDigits)),
    )
    const unit = units[index]
    // Each unit once and in falling order, as Prometheus wants them.
    if (digits === '' || unit === undefined || index < next) return undefined
    total += Number(digits) * unit[1]
    next = index + 1
    at = afterDigits + unit[0].length
  }
  return text === '' ? undefined : total
}

/** The shortest way to write so many milliseconds, such as `1m30s`; `0s` for none. */
export function formatDuration(ms: number): string {
  let left = ms
  let text = ''
  // Weeks and years only when nothing else is left: 8 days are not '1w1d' to anybody.
  for (const [unit, size] of units) {
    const whole = Math.floor(left / size)
    if (whole === 0 || ((unit === 'y' || unit === 'w') && left % size !== 0)) continue
    text += `${whole}${unit}`
    left -= whole * size
  }
  return text === '' ? '0s' : text
}

/** A duration on the faster clock, to the millisecond; what took time at all still takes one. */
export function compressMs(ms: number, speed: Speed): number {
  return ms === 0 ? 0 : Math.max(1, Math.round(ms / speed))
}

function digitsAt(text: string, from: number): string {
  let end = from
  while (end < text.length && text.charAt(end) >= '0' && text.charAt(end) <= '9') end += 1
  return text.slice(from, end)
}
