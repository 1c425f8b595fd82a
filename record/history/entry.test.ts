import { expect, it } from 'vitest'
import { comparableOf, entryOf, parseEntry } from './entry.ts'
import { example } from './testing/records.ts'

it('an entry is read back as it was; what is none is not', () => {
  const { steps: _steps, histograms: _histograms, ...entry } = entryOf(example, 'pass')
  expect(parseEntry(JSON.stringify(entry))).toEqual(entry)
  for (const text of ['', '{}', 'null', '[1]', JSON.stringify({ ...entry, latency: null })])
    expect(parseEntry(text)).toBeUndefined()
  expect(comparableOf(entryOf({ ...example, interrupted: true }, null))).toMatchObject({ interrupted: true })
})

it('keeps what a user script counts like steps: percentiles of a trend, one number for the rest', () => {
  const { steps } = entryOf(
    {
      ...example,
      scriptMetrics: {
        pay: { type: 'trend', samples: 9, value: -2, min: -3, max: 5, p50: -1, p90: 3, p95: 4, p99: 5 },
        orders: { type: 'counter', samples: 3, value: 30, perSecond: 1.5 },
        none: { type: 'gauge', samples: 0, value: 0 },
      },
      checks: { 'is ok': { passes: 3, fails: 1 } },
    },
    'pass',
  )
  expect(steps).toMatchObject({
    'metric/pay': { requests: 9, errors: 0, meanMs: -2, p50Ms: -1, p95Ms: 4, maxMs: 5 },
    'metric/orders': { requests: 3, meanMs: 1.5, p95Ms: 1.5 },
    'check/is ok': { requests: 4, errors: 1, p95Ms: 0.75 },
  })
  expect(steps).not.toHaveProperty('metric/none')
})
