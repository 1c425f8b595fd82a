import { describe, expect, it } from 'vitest'
import { readSummary } from './summary.ts'
import { exampleSummary, trendOf } from './testing/summaries.ts'

const plan = { nonce: 'a-nonce', steps: ['home/get'] }
const good = exampleSummary()
const latency = trendOf([1, 2, 3])

describe('a summary', () => {
  it('that is complete and of this run is read', () => {
    expect(readSummary(JSON.stringify(good), plan)).toEqual({ state: 'ok', summary: good })
  })

  it('of a step that was never reached is read', () => {
    const unreached = exampleSummary({
      steps: [{ latency: null, unanswered: 0, failed: {} }],
      iterations: null,
      lateness: null,
    })
    expect(readSummary(JSON.stringify(unreached), plan)).toMatchObject({ state: 'ok' })
  })

  it('cut at any place is refused', () => {
    const text = JSON.stringify(good)
    for (let length = 0; length < text.length; length += 97)
      expect(readSummary(text.slice(0, length), plan), text.slice(0, length)).toMatchObject({
        state: 'invalid',
      })
  })

  it.each([
    ['of another run', { ...good, nonce: 'other' }, /is of another run/],
    ['of other steps', { ...good, steps: [...good.steps, ...good.steps] }, /holds 2 steps, expected 1/],
    ['that is marked as incomplete', { ...good, complete: false }, /^is invalid: complete: /],
    ['without a count', { ...good, dropped: undefined }, /^is invalid: dropped: /],
    ['with a negative count', { ...good, dropped: -1 }, /^is invalid: dropped: /],
    [
      'with a quantile missing',
      { ...good, iterations: { ...latency, rises: latency.rises.slice(1) } },
      /iterations\.rises: expected \d+ rising quantiles/,
    ],
    [
      'with a quantile that is not a number',
      { ...good, iterations: { ...latency, rises: latency.rises.with(5, Number.NaN) } },
      /iterations\.rises: /,
    ],
    [
      'whose quantiles fall',
      { ...good, iterations: { ...latency, rises: latency.rises.with(1, -1) } },
      /iterations\.rises: /,
    ],
    [
      'whose last quantile is over the maximum',
      { ...good, iterations: { ...latency, rises: latency.rises.with(1, 9000) } },
      /quantiles lie outside/,
    ],
    [
      'whose first quantile is below the minimum',
      { ...good, iterations: { ...latency, rises: latency.rises.with(0, 900) } },
      /quantiles lie outside/,
    ],
    ['whose mean is impossible', { ...good, iterations: { ...latency, avg: 4 } }, /mean lies outside/],
    [
      'in which more requests failed than were sent',
      { ...good, steps: [{ latency, unanswered: 0, failed: { status: 4 } }] },
      /more requests failed than were made/,
    ],
    [
      'in which an unanswered request did not fail',
      { ...good, steps: [{ latency, unanswered: 1, failed: {} }] },
      /more requests failed/,
    ],
    ['of k6 itself', { metrics: {}, root_group: {} }, /nonce: /],
    ['that is not an object', [1, 2], /\(top level\): /],
  ])('%s is refused with a reason', (_, value, expected) => {
    expect(readSummary(JSON.stringify(value), plan)).toMatchObject({
      state: 'invalid',
      reason: expect.stringMatching(expected),
    })
  })
})
