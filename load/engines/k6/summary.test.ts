import { describe, expect, it } from 'vitest'
import { readSummary } from './summary.ts'
import { exampleSummary, trendOf } from './testing/summaries.ts'

const plan = { nonce: 'a-nonce', steps: ['home/get'] }
const good = exampleSummary()
const latency = trendOf([1, 2, 3])

describe('a summary', () => {
  it('that is whole and of this run is read', () => {
    expect(readSummary(JSON.stringify(good), plan)).toEqual({ state: 'read', summary: good })
  })

  it('of a step that nobody reached is read', () => {
    const unreached = exampleSummary({
      steps: [{ latency: null, unanswered: 0, failed: {} }],
      iterations: null,
      lateness: null,
    })
    expect(readSummary(JSON.stringify(unreached), plan)).toMatchObject({ state: 'read' })
  })

  it('cut anywhere is not read', () => {
    const text = JSON.stringify(good)
    for (let length = 0; length < text.length; length += 97)
      expect(readSummary(text.slice(0, length), plan), text.slice(0, length)).toMatchObject({
        state: 'wrong',
      })
  })

  it.each([
    ['of another run', { ...good, nonce: 'other' }, /is of another run/],
    ['of other steps', { ...good, steps: [...good.steps, ...good.steps] }, /holds 2 steps, expected 1/],
    ['that says it is not whole', { ...good, complete: false }, /^complete: /],
    ['without a count', { ...good, dropped: undefined }, /^dropped: /],
    ['with a negative count', { ...good, dropped: -1 }, /^dropped: /],
    [
      'with a quantile missing',
      { ...good, iterations: { ...latency, quantiles: latency.quantiles.slice(1) } },
      /^iterations\.quantiles: /,
    ],
    [
      'with a quantile that k6 could not give',
      { ...good, iterations: { ...latency, quantiles: latency.quantiles.with(5, Number.NaN) } },
      /^iterations\.quantiles\[5\]: /,
    ],
    [
      'whose quantiles fall',
      { ...good, iterations: { ...latency, quantiles: latency.quantiles.toReversed() } },
      /quantiles do not rise/,
    ],
    ['whose mean cannot be', { ...good, iterations: { ...latency, avg: 4 } }, /mean lies outside/],
    [
      'in which more failed than was sent',
      { ...good, steps: [{ latency, unanswered: 0, failed: { status: 4 } }] },
      /more requests failed than were made/,
    ],
    [
      'in which an unanswered request has not failed',
      { ...good, steps: [{ latency, unanswered: 1, failed: {} }] },
      /more requests failed/,
    ],
    ['of k6 itself', { metrics: {}, root_group: {} }, /^nonce: /],
    ['that is no object', [1, 2], /\(top level\): /],
  ])('%s is not read, and why is said', (_, value, expected) => {
    expect(readSummary(JSON.stringify(value), plan)).toMatchObject({
      state: 'wrong',
      problem: expect.stringMatching(expected),
    })
  })
})
