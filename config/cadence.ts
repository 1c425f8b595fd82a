import { Cron } from 'croner'

/** When something is due, again and again. */
export interface Cadence {
  /** As it was written. */
  text: string
  /** The first due time after a moment; both in milliseconds since 1970. */
  next: (afterMs: number) => number
}

/** `problem`: what was expected instead, in one line. */
export type CadenceResult = { state: 'read'; cadence: Cadence } | { state: 'wrong'; problem: string }

const expected =
  "expected an interval ('30s', '5m', '1h') or a cron expression of 5 or 6 fields ('*/5 * * * *', " +
  "with seconds '*/30 * * * * *', in a time zone 'CRON_TZ=Europe/Berlin 0 9 * * 1-5')"
const unitMs = { s: 1000, m: 60_000, h: 3_600_000 } as const
const dayMs = 86_400_000

/**
 * Reads how often a probe is to run.
 *
 * An interval is counted from 1970, not from the start of the process, so that a restart moves nothing. A
 * cron expression is read in UTC unless it names a time zone: machines in different zones then agree, and no
 * hour comes twice a year.
 */
export function parseCadence(text: string): CadenceResult {
  const trimmed = text.trim()
  const interval = /^(\d{1,6})\s*([smh])$/.exec(trimmed)
  if (interval) return intervalOf(trimmed, Number(interval[1]) * unitMs[unitOf(interval[2])])
  return cronOf(trimmed)
}

function unitOf(letter: string | undefined): keyof typeof unitMs {
  return letter === 'h' || letter === 'm' ? letter : 's'
}

function intervalOf(text: string, ms: number): CadenceResult {
  if (ms < 1000 || ms > dayMs)
    return { state: 'wrong', problem: 'expected an interval of 1 second to 24 hours' }
  return { state: 'read', cadence: { text, next: (afterMs) => (Math.floor(afterMs / ms) + 1) * ms } }
}

function cronOf(text: string): CadenceResult {
  const zoned = /^(?:CRON_TZ|TZ)=(\S+)\s+(.*)$/.exec(text)
  const [, zone, pattern = ''] = zoned ?? [undefined, undefined, text]
  // croner takes a date as well, which comes only once, and patterns with a year, which end.
  if (!/^(@[a-z]+|\S+(\s+\S+){4,5})$/i.test(pattern)) return { state: 'wrong', problem: expected }
  if (zone !== undefined && !isTimeZone(zone))
    return {
      state: 'wrong',
      problem: `${JSON.stringify(zone.slice(0, 40))} is no time zone, expected one such as Europe/Berlin`,
    }
  try {
    // By offset, which is ten times as fast as by name.
    const cron = new Cron(pattern, {
      paused: true,
      mode: '5-or-6-parts',
      ...(zone === undefined ? { utcOffset: 0 } : { timezone: zone }),
    })
    if (!cron.nextRun()) return { state: 'wrong', problem: 'there is no such day: it would never run' }
    return {
      state: 'read',
      cadence: {
        text,
        next: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime() ?? Number.MAX_SAFE_INTEGER,
      },
    }
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '').slice(0, 160) : ''
    return { state: 'wrong', problem: `${why}; ${expected}` }
  }
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
