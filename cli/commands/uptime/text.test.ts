import { describe, expect, it } from 'vitest'
import { computeUptime } from '../../../synthetics/history/index.ts'
import { entryAt } from '../../../synthetics/history/testing/entries.ts'
import { uptimeText } from './text.ts'

const minute = 60_000
const day = 86_400_000
const start = Date.parse('2026-10-25T00:00:00Z')
const query = { fromMs: start, toMs: start + 30 * day, objective: 0.999, probes: [] }
const asked = { days: 30, slo: 99.9 }
const plain = { color: false, width: 100 }

const hours = (at: number, fromDay: number, length: number): boolean =>
  at >= start + fromDay * day && at < start + fromDay * day + length * 60 * minute

it(
  'a month whose cron was late and silent for six hours is shown with that time unknown, and one ' +
    'incident: the real one',
  () => {
    const moments = Array.from({ length: 30 * 288 }, (_, n) => start + n * 5 * minute).filter(
      (at) => !hours(at, 29, 6),
    )
    const entries = moments.map((at, n) =>
      entryAt(at + (n % 3) * minute, hours(at, 20, 1) ? 'down' : 'up', {
        everyMs: 5 * minute,
        result:
          n === 7
            ? {
                outcome: 'degraded',
                attempts: 2,
                earlier: [{ step: 'get', class: 'timeout', message: 'x' }],
                message: 'passed only at attempt 2; before: get failed (timeout): x',
              }
            : {},
      }),
    )
    const text = uptimeText(computeUptime(entries, query), ['never-run'], asked, plain)
    expect(text.split('\n')).toEqual([
      'health  http://127.0.0.1:8000',
      '  since 2026-10-25 00:00, 8,568 results',
      expect.stringMatching(/^ {2}time \(UTC\) +up % +degraded % +down % +unknown %$/),
      expect.stringMatching(/^ {2}total +99\.0\d+ +0\.\d+ +0\.1[34]\d* +0\.8\d+$/),
      expect.stringMatching(/^ {2}2026-10 /),
      expect.stringMatching(/^ {2}2026-11 /),
      ...Array.from({ length: 4 }, () => expect.stringMatching(/^ {2}2026-11-1[0-3] +100 +0 +0 +0$/)),
      expect.stringMatching(/^ {2}2026-11-14 +95\.833 +0 +4\.167 +0$/),
      ...Array.from({ length: 8 }, () => expect.stringMatching(/^ {2}2026-11-\d\d +100 +0 +0 +0$/)),
      expect.stringMatching(/^ {2}2026-11-23 +75\.\d+ +0 +0 +24\.\d+$/),
      '  … and 16 earlier days: --json',
      expect.stringMatching(
        new RegExp(
          '^ {2}promised 99\\.9 %: available 99\\.0\\d+ to 99\\.8\\d+ %, ' +
            'error budget used 1\\.4× to 9\\.\\d×; it is exhausted;$',
        ),
      ),
      expect.stringMatching(/^ {2}burn rate 1\.4 to 9\.\d, last hour 0$/),
      '  1 incident',
      expect.stringMatching(/^ {2}- 2026-11-14 00:0\d, 60 min, 12 results down$/),
      expect.stringMatching(/^ {2}flaky: get passed only on a retry in 1 of 8,568 runs \(0\.012 %\)$/),
      '',
      'never-run  unknown',
      '  no result in the last 30 days: is anything running this probe?',
      '',
    ])
  },
)

it('a minute down in a month is not rounded to nothing', () => {
  const entries = Array.from({ length: 30 * 1440 }, (_, n) =>
    entryAt(start + n * minute, n === 9 ? 'down' : 'up', { everyMs: minute }),
  )
  expect(uptimeText(computeUptime(entries, query), [], asked, plain)).toMatch(/total +99\.998 +0 +0\.002 +0/)
  expect(uptimeText([], [], asked, plain)).toBe('no results in the last 30 days\n')
  expect(uptimeText([], [], { ...asked, days: 1 }, plain)).toBe('no results in the last day\n')
  expect(uptimeText([], ['home'], { ...asked, days: 1 }, plain)).toContain('no result in the last day: is')
})

describe('the error budget', () => {
  const shown = (minutes: number, isDown: (n: number) => boolean): string => {
    const entries = Array.from({ length: minutes }, (_, n) =>
      entryAt(start + n * minute, isDown(n) ? 'down' : 'up', { everyMs: minute }),
    )
    const toMs = start + minutes * minute
    return uptimeText(
      computeUptime(entries, { ...query, toMs }),
      [],
      { days: 1, slo: 99.9 },
      { ...plain, width: 120 },
    )
  }

  it.each([
    ['two results', 2, 1],
    ['a quarter of an hour', 15, 3],
    ['almost an hour', 59, 30],
  ])('is not computed from %s', (_, minutes, down) => {
    const text = shown(minutes, (n) => n < down)
    expect(text).toContain(`% of ${minutes} min; an error`)
    expect(text).not.toMatch(/error budget (left|used)|burn rate/)
  })

  it.each([
    ['an hour, all of it down', 60, 60, 'error budget used 1,000×; it is exhausted'],
    ['a day, an hour of it down', 1440, 60, 'error budget used 42×; it is exhausted'],
    ['a day, two minutes of it down', 1440, 2, 'error budget left -39 %; it is exhausted'],
    ['a day, one minute of it down', 1440, 1, 'error budget left 31 %; burn rate'],
    ['a day up', 1440, 0, 'error budget left 100 %; burn rate 0'],
  ])('of %s', (_, minutes, down, expected) => {
    expect(shown(minutes, (n) => n < down)).toContain(expected)
  })

  it('has no incident when no two results in a row were down, and says so', () => {
    expect(shown(120, (n) => n % 40 === 5)).toContain('no incidents: too few results in a row were down')
    expect(shown(120, () => false)).toMatch(/^ {2}no incidents$/m)
  })
})
