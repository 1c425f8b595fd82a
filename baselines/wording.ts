export type Unit = 'ms' | 'ratio' | 'perMinute' | 'bytes'

const units: Record<Unit, { scale: number; suffix: string }> = {
  ms: { scale: 1, suffix: ' ms' },
  ratio: { scale: 100, suffix: ' %' },
  perMinute: { scale: 1, suffix: ' requests/min' },
  bytes: { scale: 1e-6, suffix: ' MB' },
}

/**
 * A figure as a person reads it, in about three significant digits; more where it would otherwise read the
 * same as the `limit` next to it (499.96 ms, not 500 ms, next to a limit of 500 ms).
 */
export function amount(unit: Unit, value: number, limit?: number): string {
  const { scale, suffix } = units[unit]
  const digits = significant(value * scale)
  let text = rounded(value * scale, digits)
  if (limit !== undefined && limit !== value) {
    const shownLimit = rounded(limit * scale, significant(limit * scale))
    for (let more = digits + 1; text === shownLimit && more < 12; more += 1)
      text = rounded(value * scale, more)
  }
  return text + suffix
}

function significant(value: number): number {
  return Math.abs(value) >= 100 ? Math.max(3, Math.ceil(Math.log10(Math.abs(value) + 1))) : 3
}

function rounded(value: number, digits: number): string {
  const short = Number(value.toPrecision(digits))
  return Math.abs(short) >= 1e-6 || short === 0 ? String(short) : short.toExponential()
}
