import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCadence } from '../../config/index.ts'
import type { Cadence } from '../../config/index.ts'
import { computeUptime } from '../history/index.ts'
import { entryAt } from '../history/testing/entries.ts'
import { computeHoldsUntil, computeOverdue, estimateHoldsUntil, estimateOverdue } from './due.ts'

const at = (text: string): number => Date.parse(`${text}Z`)
const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 19)
const minute = 60_000
const day = 86_400_000

function every(text: string): Cadence {
  const parsed = parseCadence(text)
  if (parsed.state === 'invalid') throw new Error(parsed.problem)
  return parsed.cadence
}

const office = '*/5 8-18 * * 1-5'

describe('a result is valid until its next due time and some grace, for two usual gaps at most', () => {
  it.each([
    ['30s', '2026-11-27T18:55:00', '2026-11-27T18:55:45'],
    ['1h', '2026-11-27T18:00:00', '2026-11-27T19:01:00'],
    ['24h', '2026-11-27T00:00:00', '2026-11-28T00:01:00'],
    // The last run of a day and of a week.
    [office, '2026-11-26T18:55:00', '2026-11-26T19:05:00'],
    [office, '2026-11-27T18:55:00', '2026-11-27T19:05:00'],
    [office, '2026-11-27T12:00:00', '2026-11-27T12:06:00'],
    ['0 9 * * 1-5', '2026-11-27T09:00:00', '2026-11-29T09:00:00'],
    ['0 9 * * 1-5', '2026-11-26T09:00:00', '2026-11-27T09:01:00'],
    ['0,30 9 * * *', '2026-11-27T09:30:00', '2026-11-27T10:30:00'],
    ['*/10 * 9-17 * * *', '2026-11-27T17:59:50', '2026-11-27T18:00:10'],
    ['CRON_TZ=Europe/Berlin */15 0-5 * * *', '2026-11-27T04:45:00', '2026-11-27T05:15:00'],
  ])('%s, due at %s: valid until %s', (text, due, until) => {
    expect(iso(computeHoldsUntil(at(due), every(text)))).toBe(until)
    // Cron started it 20 s late, which moves what is known by as much.
    expect(iso(estimateHoldsUntil(at(due) + 2000, every(text)))).toBe(iso(at(until) + 2000))
  })

  it('whichever schedule and moment', () => {
    const cadences = ['30s', '7m', '24h', office, '0 9 * * 1-5', '0,30 9 * * *', '*/40 * * * *']
    const usual: Record<string, number> = {
      '30s': 30_000,
      '7m': 7 * minute,
      '24h': day,
      '0 9 * * 1-5': day,
      '0,30 9 * * *': 30 * minute,
      '*/40 * * * *': 20 * minute,
    }
    fc.assert(
      fc.property(fc.constantFrom(...cadences), fc.integer({ min: 0, max: 20 * day }), (text, ms) => {
        const cadence = every(text)
        const due = cadence.next(at('2026-11-20T00:00:00') + ms)
        for (const [from, until] of [
          [due, computeHoldsUntil(due, cadence)],
          [due + (ms % 5000), estimateHoldsUntil(due + (ms % 5000), cadence)],
        ] as const) {
          expect(until).toBeGreaterThan(from)
          expect(until - from).toBeLessThanOrEqual(2 * (usual[text] ?? 5 * minute))
        }
      }),
    )
  })
})

it('the week-end of a probe of the working hours is unknown, not up, and so are its nights', () => {
  const cadence = every(office)
  const [from, to] = [at('2026-11-26T08:00:00'), at('2026-11-30T08:00:00')]
  for (const holdsUntil of [computeHoldsUntil, estimateHoldsUntil]) {
    const entries = []
    for (let due = cadence.next(from - 1); due < to; due = cadence.next(due))
      entries.push({ ...entryAt(due), holdsUntilMs: holdsUntil(due, cadence) })
    const [uptime] = computeUptime(entries, { fromMs: from, toMs: to, objective: 0.99, probes: [] })
    // Thursday and Friday from 8:00 to 19:05.
    expect(uptime?.shares).toEqual({
      up: expect.closeTo((2 * (11 * 60 + 5)) / (4 * 1440), 6),
      degraded: 0,
      down: 0,
      unknown: expect.closeTo(1 - (2 * (11 * 60 + 5)) / (4 * 1440), 6),
    })
  }
})

describe('the next result is overdue', () => {
  const runMs = 32_000
  it.each([
    ['30s', '2026-11-27T12:00:10', '2026-11-27T12:00:45'],
    ['1h', '2026-11-27T12:00:00', '2026-11-27T13:01:00'],
    ['0 3 * * *', '2026-11-27T12:00:00', '2026-11-28T03:01:00'],
    [office, '2026-11-27T18:55:00', '2026-11-30T08:01:00'],
  ])('%s, after %s: from %s on, and the time of a run', (text, after, overdue) => {
    expect(iso(computeOverdue(at(after), every(text), runMs))).toBe(iso(at(overdue) + runMs))
  })

  it.each([
    // A timer at another minute than the cadence's own.
    { text: '5m', started: '2026-11-27T12:02:07', overdue: '2026-11-27T12:08:07' },
    { text: '1h', started: '2026-11-27T12:40:00', overdue: '2026-11-27T13:41:00' },
    { text: '0 3 * * *', started: '2026-11-27T03:00:04', overdue: '2026-11-28T03:01:04' },
    { text: office, started: '2026-11-27T18:50:05', overdue: '2026-11-27T18:56:05' },
    { text: office, started: '2026-11-27T18:55:05', overdue: '2026-11-30T08:01:05' },
    // Run manually on a Saturday: cron may be as late as its usual gap.
    { text: office, started: '2026-11-28T15:00:00', overdue: '2026-11-30T08:06:00' },
  ])('$text, where something else ran it at $started: from $overdue on', ({ text, started, overdue }) => {
    expect(iso(estimateOverdue(at(started), every(text), runMs))).toBe(iso(at(overdue) + runMs))
  })
})
