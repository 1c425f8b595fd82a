import { expect, it } from 'vitest'
import { findSufficient } from './levels.ts'
import type { Setting } from './levels.ts'

const setting = (value: string, throughputRps: number, errorRate = 0): Setting => ({
  value,
  rounds: 3,
  throughputRps,
  throughputRange: [throughputRps, throughputRps],
  p95Ms: 10,
  errorRate,
})

it.each([
  [
    'the smallest that is as good as the best',
    [
      ['5', 1500],
      ['10', 2150],
      ['20', 2200],
    ],
    '10',
  ],
  [
    'at the limit of 95 %',
    [
      ['5', 1900],
      ['10', 2000],
    ],
    '5',
  ],
  [
    'just below the limit of 95 %',
    [
      ['5', 1899],
      ['10', 2000],
    ],
    '10',
  ],
  [
    'one that answers worse is not',
    [
      ['5', 2150, 0.01],
      ['10', 2150],
    ],
    '10',
  ],
  ['none of none', [], undefined],
] as const)('a sufficient setting is %s', (_what, settings, expected) => {
  const all = settings.map(([value, rps, errors = 0]: readonly [string, number, number?]) =>
    setting(value, rps, errors),
  )
  expect(findSufficient(all)?.value).toBe(expected)
})
