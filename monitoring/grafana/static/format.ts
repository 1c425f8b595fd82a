const bytes = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const thousands = ['', 'K', 'M', 'G', 'T']
const moments: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
]

/** A value in a unit of Grafana's, as short as a panel needs it. `nowMs` is for moments. */
export function format(unit: string | undefined, value: number, nowMs: number): string {
  if (!Number.isFinite(value)) return '–'
  switch (unit) {
    case 's':
      return duration(value)
    case 'percentunit':
      return `${short(value * 100)} %`
    case 'decbytes':
      return scaled(value, 1000, bytes)
    case 'Bps':
      return `${scaled(value, 1000, bytes)}/s`
    case 'reqps':
      return `${short(value)} req/s`
    case 'ops':
      return `${short(value)}/s`
    case 'opm':
      return `${short(value)}/min`
    case 'dateTimeFromNow':
      return `${duration((nowMs - value) / 1000)} ago`
    case undefined:
    default:
      return scaled(value, 1000, thousands)
  }
}

function duration(seconds: number): string {
  if (seconds === 0) return '0 s'
  const [size, unit] = moments.find(([least]) => Math.abs(seconds) >= least) ?? [1e-6, 'µs']
  return `${short(seconds / size)} ${unit}`
}

function scaled(value: number, base: number, names: readonly string[]): string {
  const power = Math.min(
    names.length - 1,
    Math.max(0, Math.floor(Math.log(Math.abs(value)) / Math.log(base))),
  )
  const name = Number.isFinite(power) ? (names[power] ?? '') : (names[0] ?? '')
  return `${short(value / base ** (Number.isFinite(power) ? power : 0))}${name === '' ? '' : ' '}${name}`
}

function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0)
  return String(Number(value.toPrecision(3)))
}
