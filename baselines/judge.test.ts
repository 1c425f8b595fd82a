import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countsOf, exampleRun, spread } from '../record/testing/examples/runs.ts'
import type { Run } from '../record/index.ts'
import { judgeRun } from './judge.ts'
import { isCertainlyAbove } from './samples.ts'
import type { Budgets } from './judge.ts'

const seedBudgets: Budgets = {
  p95Ms: 500,
  meanMs: 200,
  errorRate: 0.001,
  requestsPerMinute: 1000,
  rssBytes: 512e6,
}
const healthy = exampleRun({ 'task-crud/list': countsOf(spread(4000, 1, 40)) })

function statusOf(run: Run, budgets: Budgets, metric: string): string | undefined {
  return judgeRun(run, budgets).rows.find((row) => row.metric === metric)?.status
}

describe('a verdict on budgets', () => {
  it('passes a run that keeps them all, one row a budget', () => {
    const verdict = judgeRun(healthy, seedBudgets)
    expect(verdict.verdict).toBe('pass')
    expect(verdict.rows.map((row) => [row.metric, row.status])).toEqual([
      ['p95Ms', 'pass'],
      ['meanMs', 'pass'],
      ['errorRate', 'pass'],
      ['requestsPerMinute', 'pass'],
      ['rssBytes', 'pass'],
    ])
  })

  const broken: [string, Run, Budgets, string][] = [
    [
      'p95 over its budget',
      exampleRun({ a: countsOf(spread(4000, 650, 750)) }),
      { p95Ms: 500 },
      'p95 745 ms, budget < 500 ms',
    ],
    [
      'p95 exactly at its budget',
      exampleRun({ a: countsOf(Array.from({ length: 4000 }, () => 500)) }),
      { p95Ms: 500 },
      'p95 500 ms, budget < 500 ms',
    ],
    [
      'a mean over its budget',
      exampleRun({ a: countsOf(spread(4000, 200, 300)) }),
      { meanMs: 200 },
      'mean 250 ms, budget < 200 ms',
    ],
    [
      '2 % errors',
      exampleRun({ a: countsOf(spread(4000, 1, 9), { failedAnswers: 80 }) }),
      { errorRate: 0.001 },
      'error rate 2 % (80 of 4000), budget < 0.1 %',
    ],
    [
      'too few requests a minute',
      exampleRun({ a: countsOf(spread(400, 1, 9)) }),
      { requestsPerMinute: 1000 },
      '800 requests/min answered, budget ≥ 1000 requests/min',
    ],
    [
      'too much memory',
      exampleRun({ a: countsOf(spread(400, 1, 9)) }, { server: { rssMaxBytes: 600e6 } }),
      { rssBytes: 512e6 },
      'memory 600 MB at most, budget < 512 MB',
    ],
    [
      'dropped arrivals',
      exampleRun({ a: countsOf(spread(4000, 1, 9)) }, {}, 40),
      { errorRate: 0.001 },
      'error rate 0.99 % (40 of 4040), budget < 0.1 %',
    ],
  ]
  it.each(broken)('fails %s, and says the rule with the value in it', (_, run, budgets, message) => {
    const verdict = judgeRun(run, budgets)
    expect(verdict.verdict).toBe('fail')
    expect(verdict.rows.map((row) => row.message)).toEqual([message])
  })

  it(
    'fails when the user script reports that one of its thresholds was crossed, though every ' +
      'budget is kept',
    () => {
      const { verdict, rows } = judgeRun(
        { ...healthy, crossedThresholds: ["thresholds on metrics 'checks' have been crossed"] },
        seedBudgets,
      )
      expect(verdict).toBe('fail')
      expect(rows.filter(({ status }) => status === 'fail')).toEqual([
        {
          rule: 'threshold',
          suite: healthy.suite,
          step: null,
          metric: 'threshold',
          status: 'fail',
          message: "the script's own thresholds on metrics 'checks' have been crossed",
        },
      ])
    },
  )

  it('fails when the user script marked its run as failed, once for each reason', () => {
    const { verdict, rows } = judgeRun({ ...healthy, markedFailed: ['the shop is broken', 'no stock'] }, {})
    expect(verdict).toBe('fail')
    expect(rows.filter(({ rule }) => rule === 'script')).toMatchObject([
      { status: 'fail', message: 'the script marked the run as failed: the shop is broken' },
      { status: 'fail', message: 'the script marked the run as failed: no stock' },
    ])
  })

  it('never prints a broken value as if it were its limit', () => {
    const verdict = judgeRun(exampleRun({ a: countsOf(Array.from({ length: 4000 }, () => 500.04)) }), {
      p95Ms: 500,
    })
    expect(verdict.rows[0]?.message).toBe('p95 500.04 ms, budget < 500 ms')
  })
})

describe('the throughput budget', () => {
  // Exact in floating point: 20/s are 1200 a minute.
  it.each([
    [20, 'pass'],
    [19.99, 'fail'],
  ])('of 1200 a minute includes its limit: %d/s is %s', (throughputRps, status) => {
    const run = { ...healthy, totals: { ...healthy.totals, throughputRps } }
    expect(statusOf(run, { requestsPerMinute: 1200 }, 'requestsPerMinute')).toBe(status)
  })
})

describe('too few samples', () => {
  it.each([
    [199, 'inconclusive'],
    [200, 'pass'],
  ])('p95 of %i answers is %s: ten must lie beyond it', (n, status) => {
    expect(statusOf(exampleRun({ a: countsOf(spread(n, 1, 40)) }), { p95Ms: 500 }, 'p95Ms')).toBe(status)
  })

  it.each([
    [999, 'inconclusive'],
    [1000, 'pass'],
  ])('p99 of %i answers is %s', (n, status) => {
    expect(statusOf(exampleRun({ a: countsOf(spread(n, 1, 40)) }), { p99Ms: 500 }, 'p99Ms')).toBe(status)
  })

  it.each([
    [2999, 'inconclusive'],
    [3000, 'pass'],
  ])('an error rate of 0.1 % over %i requests without an error is %s', (n, status) => {
    expect(statusOf(exampleRun({ a: countsOf(spread(n, 1, 40)) }), { errorRate: 0.001 }, 'errorRate')).toBe(
      status,
    )
  })

  it.each([
    [29, 'inconclusive'],
    [30, 'pass'],
  ])('a mean of %i answers is %s', (n, status) => {
    expect(statusOf(exampleRun({ a: countsOf(spread(n, 1, 40)) }), { meanMs: 200 }, 'meanMs')).toBe(status)
  })

  // P(at least 4 of 20 over a p95) = .016, of 5: .0026; the limit is .005.
  it.each([
    [4, 'inconclusive'],
    [5, 'fail'],
  ])('with %i of 20 answers over its p95 is %s', (over, status) => {
    const run = exampleRun({ a: countsOf([...spread(20 - over, 1, 40), ...spread(over, 700, 710)]) })
    expect(statusOf(run, { p95Ms: 500 }, 'p95Ms')).toBe(status)
  })

  it('says how many are needed', () => {
    const [row] = judgeRun(exampleRun({ a: countsOf(spread(50, 1, 40)) }), { p95Ms: 500 }).rows
    expect(row?.message).toContain('50 answers, 200 are needed')
  })

  it('is red all the same when the limit is broken beyond doubt', () => {
    expect(statusOf(exampleRun({ a: countsOf(spread(20, 700, 710)) }), { p95Ms: 500 }, 'p95Ms')).toBe('fail')
    expect(statusOf(exampleRun({ a: countsOf(spread(20, 700, 710)) }), { meanMs: 200 }, 'meanMs')).toBe(
      'fail',
    )
    expect(
      statusOf(exampleRun({ a: countsOf([], { unanswered: 1 }) }), { errorRate: 0.001 }, 'errorRate'),
    ).toBe('fail')
  })

  it('is not red for one slow answer among few', () => {
    expect(statusOf(exampleRun({ a: countsOf([...spread(19, 1, 40), 900]) }), { p95Ms: 500 }, 'p95Ms')).toBe(
      'inconclusive',
    )
  })
})

describe('no data is never a pass', () => {
  const run = exampleRun({ 'task-crud/list': countsOf(spread(4000, 1, 40)) })
  const { server: _, ...unwatched } = run
  const cases: [string, Run, Budgets, string, string][] = [
    ['an empty run', exampleRun({}), seedBudgets, 'invalid', 'no request was made'],
    [
      'a step that was never requested',
      run,
      { steps: { 'task-crud/delete': { p95Ms: 10 } } },
      'invalid',
      'never requested (steps in this run: task-crud/list)',
    ],
    ['memory that was not measured', unwatched, { rssBytes: 512e6 }, 'invalid', 'set target.metrics'],
    [
      'a run marked invalid',
      exampleRun(
        { a: countsOf(spread(4000, 1, 9)) },
        { validity: { valid: false, reasons: ['k6 was killed'] } },
      ),
      seedBudgets,
      'invalid',
      'k6 was killed',
    ],
    ['no budget at all', run, {}, 'inconclusive', 'no budget is set'],
    [
      'a target that answers nothing: no latency, but errors',
      exampleRun({ a: countsOf([], { unanswered: 4000 }) }),
      seedBudgets,
      'fail',
      'none of 4000 requests',
    ],
    [
      'a target that answers nothing, with latency budgets alone',
      exampleRun({ a: countsOf([], { unanswered: 4000 }) }),
      { p95Ms: 500 },
      'invalid',
      'none of 4000 requests',
    ],
  ]
  it.each(cases)('%s', (_, judged, budgets, word, says) => {
    const verdict = judgeRun(judged, budgets)
    expect(verdict.verdict).toBe(word)
    expect(verdict.rows.map((row) => row.message).join('\n')).toContain(says)
  })

  it('holds for whatever is cut out of a run: nothing removed turns a fail into a pass', () => {
    const failing = exampleRun({
      a: countsOf(spread(4000, 650, 750), { failedAnswers: 90 }),
      b: countsOf(spread(4000, 1, 5)),
    })
    fc.assert(
      fc.property(fc.subarray(['a', 'b']), fc.boolean(), (kept, keepServer) => {
        const endpoints = Object.fromEntries(
          Object.entries(failing.endpoints).filter(([step]) => kept.includes(step)),
        )
        const { server, ...rest } = failing
        const cut: Run = { ...rest, endpoints, ...(keepServer && server && { server }) }
        expect(judgeRun(cut, { ...seedBudgets, steps: { a: { p95Ms: 500 } } }).verdict).not.toBe('pass')
      }),
    )
  })
})

it('judges steps by their own budgets', () => {
  const run = exampleRun({ 'a/slow': countsOf(spread(400, 90, 110)), 'a/fast': countsOf(spread(4000, 1, 2)) })
  const verdict = judgeRun(run, { p95Ms: 500, steps: { 'a/slow': { p95Ms: 50 }, 'a/fast': { p95Ms: 50 } } })
  expect(verdict.rows.map((row) => [row.step, row.status])).toEqual([
    [null, 'pass'],
    ['a/slow', 'fail'],
    ['a/fast', 'pass'],
  ])
})

it('one error in one request is certainly over 0.1 % at 0.005, but not over 1 %', () => {
  expect(isCertainlyAbove(1, 1, 0.001, 0.005)).toBe(true)
  expect(isCertainlyAbove(1, 1, 0.01, 0.005)).toBe(false)
})
