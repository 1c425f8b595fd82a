import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCadence } from './cadence.ts'
import type { Cadence } from './cadence.ts'
import { splayCadence } from '../synthetics/schedule/due.ts'

const at = (text: string): number => Date.parse(text)

function cadence(text: string): Cadence {
  const parsed = parseCadence(text)
  if (parsed.state === 'invalid') throw new Error(parsed.problem)
  return parsed.cadence
}

describe('is due', () => {
  const due: Record<string, { after: string; next: string }[]> = {
    '30s': [
      { after: '2026-11-24T12:00:00Z', next: '2026-11-24T12:00:30Z' },
      { after: '2026-11-24T12:00:29.999Z', next: '2026-11-24T12:00:30Z' },
    ],
    '1h': [{ after: '2026-11-24T12:00:30Z', next: '2026-11-24T13:00:00Z' }],
    '*/5 * * * *': [{ after: '2026-11-24T12:01:00Z', next: '2026-11-24T12:05:00Z' }],
    '*/30 * * * * *': [{ after: '2026-11-24T12:00:00Z', next: '2026-11-24T12:00:30Z' }],
    '0 9 * * 1-5': [{ after: '2026-11-27T09:00:00Z', next: '2026-11-30T09:00:00Z' }],
    '@hourly': [{ after: '2026-11-24T12:01:00Z', next: '2026-11-24T13:00:00Z' }],
    // An hour earlier by UTC in summer than in winter.
    'CRON_TZ=Europe/Berlin 0 9 * * *': [
      { after: '2026-07-01T00:00:00Z', next: '2026-07-01T07:00:00Z' },
      { after: '2026-12-01T00:00:00Z', next: '2026-12-01T08:00:00Z' },
    ],
    // The hour that does not exist, and the one that comes twice: once a day all the same.
    'CRON_TZ=Europe/Berlin 30 2 * * *': [
      { after: '2026-03-28T12:00:00Z', next: '2026-03-29T01:00:00Z' },
      { after: '2026-10-25T00:30:00Z', next: '2026-10-26T01:30:00Z' },
    ],
  }
  it.each(Object.entries(due))('%s', (text, times) => {
    for (const { after, next } of times)
      expect(new Date(cadence(text).next(at(after))).toISOString(), after).toBe(new Date(next).toISOString())
  })
})

describe('is refused with what is expected', () => {
  const refused = {
    'expected an interval': ['', '30', 'health', '* * * * * * *', '2026-01-01T00:00:00'],
    'expected an interval of 1 second to 24 hours': ['0s', '48h'],
    'Invalid value for minute: 61': ['61 * * * *'],
    'expected a schedule with a run': ['0 0 30 2 *'],
    'expected a time zone such as Europe/Berlin': ['CRON_TZ=Europe/Berlinn * * * * *'],
  }
  it.each(Object.entries(refused))('%s: %j', (says, texts) => {
    for (const text of texts) {
      const parsed = parseCadence(text)
      expect(parsed.state === 'invalid' ? parsed.problem : 'ok', text).toContain(says)
    }
  })

  it('in one line, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const parsed = parseCadence(text)
        expect(parsed.state === 'invalid' && parsed.problem.includes('\n')).toBe(false)
      }),
    )
  })
})

describe('a splayed cadence', () => {
  const from = at('2026-11-24T12:00:00Z')

  it('keeps its gaps, starts less than 5 s and less than a gap later, also after a restart', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('1s', '30s', '*/2 * * * * *', '0,1 * * * * *', '*/5 * * * *'),
        fc.string(),
        fc.nat(86_400_000),
        (text, name, ms) => {
          const gaps: Record<string, number> = { '1s': 1000, '*/2 * * * * *': 2000, '0,1 * * * * *': 1000 }
          const [plain, moved, again] = [
            cadence(text),
            splayCadence(cadence(text), 'host', name, from),
            splayCadence(cadence(text), 'host', name, from),
          ]
          const [whole, due] = [plain.next(from), moved.next(from + 1)]
          const delay = (due - whole + 10 * 300_000) % (gaps[text] ?? 5000)
          expect(again.next(from + ms)).toBe(moved.next(from + ms))
          expect(moved.next(from + ms)).toBeGreaterThan(from + ms)
          // Every due time is moved by the same delay.
          expect(moved.next(whole + delay - 1)).toBe(whole + delay)
          expect(moved.next(from + ms + delay) - delay).toBe(plain.next(from + ms))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('spreads many probes over the second they would all begin in', () => {
    const tenths = Array.from({ length: 1000 }, (_, n) =>
      Math.floor((splayCadence(cadence('1s'), 'host', `probe-${n}`, from).next(from) % 1000) / 100),
    )
    const counts = [...Map.groupBy(tenths, (tenth) => tenth).values()].map(({ length }) => length)
    expect(counts).toHaveLength(10)
    expect(Math.max(...counts)).toBeLessThan(150)
  })
})
