import { describe, expect, it } from 'vitest'
import type { Run } from '../record/index.ts'
import { countsOf, exampleRun, spread } from '../record/testing/examples/runs.ts'
import { acceptRuns } from './accepted/index.ts'
import { compareRuns } from './compare/index.ts'
import { failsRequests, judgeDuet } from './duet/index.ts'
import { judgeRun } from './index.ts'
import { estimateNoise } from './noise/index.ts'

/** Every decision, asked: what if everything failed, on both sides? None of them may pass. */

const answered = spread(500, 1, 40)
const repeat = (run: Run, count = 24): Run[] =>
  Array.from({ length: count }, (_, index) => ({ ...run, id: `${run.id}-${index}`, durationMs: 2500 }))
const good = exampleRun({ a: countsOf(answered), b: countsOf(answered) })
const unanswered = exampleRun({
  a: countsOf([], { unanswered: 500 }),
  b: countsOf([], { unanswered: 500 }),
})
const errorPages = exampleRun({
  a: countsOf(answered, { failedAnswers: 500 }),
  b: countsOf(answered, { failedAnswers: 500 }),
})
const nearlyNothing = exampleRun({
  a: countsOf(answered, { failedAnswers: 499 }),
  b: countsOf(answered, { failedAnswers: 499 }),
})
const halfOf = (failed: number): Run => exampleRun({ a: countsOf(answered, { failedAnswers: failed }) })
const oneStepFails = exampleRun({
  a: countsOf(answered),
  b: countsOf(answered, { failedAnswers: 500 }),
})

describe('a comparison', () => {
  it.each([
    ['nothing was answered on both sides', unanswered, unanswered, 'invalid', '24000 of 24000 requests'],
    ['every answer was an error on both sides', errorPages, errorPages, 'invalid', '24000 of 24000 requests'],
    ['nearly nothing was answered on both sides', nearlyNothing, nearlyNothing, 'invalid', '23952 of 24000'],
    ['the baseline answered nothing', unanswered, good, 'invalid', 'to the baseline failed'],
    ['the candidate alone answered nothing', good, unanswered, 'fail', 'errors 0 of 24000'],
    ['a step fails on both sides', oneStepFails, oneStepFails, 'invalid', 'b fails on both sides'],
    ['one more than half of both sides fails', halfOf(251), halfOf(251), 'invalid', '6024 of 12000'],
    ['half of both sides fails', halfOf(250), halfOf(250), 'pass', '50 %'],
  ] as const)('in which %s', (_, baseline, candidate, word, says) => {
    const verdict = compareRuns(repeat(baseline), repeat(candidate))
    expect(verdict.verdict).toBe(word)
    expect(verdict.rows.map(({ message }) => message).join('\n')).toContain(says)
    const duet = judgeDuet({ baseline: repeat(baseline), candidate: repeat(candidate), exact: {} })
    expect(duet.verdict).toBe(word)
    const few = compareRuns(repeat(baseline, 2), repeat(candidate, 3))
    expect(few.verdict).not.toBe('pass')
  })

  it('whose candidate fails in bursts that count as one is not a pass', () => {
    const blocks = [...repeat(unanswered, 13), ...repeat(good, 11)]
    expect(compareRuns(repeat(good), blocks).verdict).not.toBe('pass')
  })
})

describe('budgets', () => {
  it.each([
    ['p95Ms alone', errorPages, { p95Ms: 500 }, 'invalid'],
    ['requestsPerMinute alone', errorPages, { requestsPerMinute: 1 }, 'invalid'],
    ['memory alone', unanswered, { rssBytes: 512e6 }, 'invalid'],
    ['none', errorPages, {}, 'invalid'],
    ['of a step that fails', oneStepFails, { errorRate: 0.9, steps: { b: { p95Ms: 500 } } }, 'invalid'],
    ['of errors too', errorPages, { p95Ms: 500, errorRate: 0.001 }, 'fail'],
    ['that allow the errors', halfOf(300), { p95Ms: 500, errorRate: 0.9 }, 'pass'],
    ['and half of the requests failed', halfOf(250), { p95Ms: 500 }, 'pass'],
    ['and one more than half failed', halfOf(251), { p95Ms: 500 }, 'invalid'],
  ] as const)('%s', (_, run, budgets, word) => {
    expect(judgeRun(run, budgets).verdict).toBe(word)
  })
})

it('a baseline takes no run that failed, whatever its verdict says', () => {
  const verdict = { schema: 'vigil.verdict/1' as const, verdict: 'pass' as const, rows: [] }
  expect(acceptRuns(undefined, [{ run: errorPages, verdict }])).toMatchObject({
    state: 'invalid',
    reasons: [expect.stringContaining('1000 of 1000 requests failed')],
  })
})

it('a commit of a bisect that fails its requests is neither good nor bad, unless errors are searched', () => {
  const [slower, errors] = [{ metric: 'p50Ms' }, { metric: 'errorRate' }]
  expect(failsRequests(slower, { candidate: repeat(errorPages) })).toBe(true)
  expect(failsRequests(slower, { candidate: repeat(halfOf(250)) })).toBe(false)
  expect(failsRequests(errors, { candidate: repeat(errorPages) })).toBe(false)
  expect(failsRequests(slower, { candidate: [] })).toBe(false)
})

it('the noise of a machine is unknown where the service failed', () => {
  const units = (run: Run) => [{ baseline: repeat(run, 12), candidate: repeat(run, 12) }]
  expect(estimateNoise(units(errorPages), 5, () => 0.5)).toBeUndefined()
  expect(estimateNoise(units(good), 5, () => 0.5)).toBeDefined()
})
