import { describe, expect, it } from 'vitest'
import { toVerdictWord } from '../../baselines/index.ts'
import type { RowStatus, Verdict, VerdictRow } from '../../baselines/index.ts'
import {
  listBrokenRows,
  toBudgetUses,
  findNearestLimit,
  formatRule,
  summarizeVerdict,
  formatUse,
  formatLocation,
} from './rules.ts'

const passed: VerdictRow = {
  rule: 'budget',
  suite: 'steady',
  step: null,
  metric: 'p95Ms',
  status: 'pass',
  actual: 420,
  limit: 500,
  message: 'p95 420 ms, budget < 500 ms',
}
const rowOf = (more: Partial<VerdictRow>): VerdictRow => ({ ...passed, ...more })
const statuses = (...words: RowStatus[]): Verdict => verdictWith(words.map((status) => rowOf({ status })))

function verdictWith(rows: VerdictRow[]): Verdict {
  return { schema: 'vigil.verdict/1', verdict: toVerdictWord(rows), rows }
}

describe('the summary of a verdict', () => {
  it.each([
    [statuses('pass', 'pass'), 'all 2 checks passed'],
    [statuses('pass'), '1 check passed'],
    [statuses('pass', 'improved'), 'all 2 checks passed'],
    [statuses('fail', 'pass'), '1 of 2 checks failed'],
    [statuses('fail'), '1 of 1 check failed'],
    [statuses('inconclusive', 'fail', 'invalid', 'fail'), '2 of 4 checks failed, 1 invalid, 1 inconclusive'],
    [statuses('pass', 'skipped'), '1 check passed, 1 skipped'],
    [statuses('fail', 'skipped', 'skipped'), '1 of 1 check failed, 2 skipped'],
    ...[
      [1.26, 'all 2 checks passed, cannot rule out a slowdown below 26 %'] as const,
      [1.04, 'all 2 checks passed'] as const,
    ].map(([detectable, sentence]): [Verdict, string] => [
      verdictWith([passed, rowOf({ rule: 'comparison', margin: 0.05, detectable })]),
      sentence,
    ]),
    [statuses('skipped'), 'nothing was judged'],
    [statuses(), 'nothing was judged'],
    [verdictWith([rowOf({ status: 'inconclusive', metric: 'budgets' })]), 'nothing was judged'],
  ])('%#: %s', (verdict, sentence) => {
    expect(summarizeVerdict(verdict)).toBe(sentence)
  })
})

describe('the rows that did not pass', () => {
  it('start with those that have the status of the verdict, and keep their order', () => {
    const rows = [
      rowOf({ status: 'inconclusive', metric: 'a' }),
      rowOf({ status: 'fail', metric: 'b' }),
      rowOf({ metric: 'c' }),
      rowOf({ status: 'invalid', metric: 'd' }),
      rowOf({ status: 'fail', metric: 'e' }),
    ]
    const order = (verdict: Verdict['verdict']): string =>
      listBrokenRows({ schema: 'vigil.verdict/1', verdict, rows })
        .map((row) => row.metric)
        .join(' ')
    expect(order('fail')).toBe('b e d a')
    expect(order('invalid')).toBe('d b e a')
    expect(order('inconclusive')).toBe('a b e d')
  })
})

describe('a rule as one line', () => {
  it.each<[string, Partial<VerdictRow>, string]>([
    ['has the value first, then the suite', {}, 'p95 420 ms, budget < 500 ms, steady'],
    [
      'has the step after the suite',
      { step: 'task-crud/list' },
      'p95 420 ms, budget < 500 ms, steady, task-crud/list',
    ],
    [
      'has the location first when the message has a reason',
      { message: 'p99 2 ms, budget < 8 ms: 400 answers, 1000 are needed' },
      'steady: p99 2 ms, budget < 8 ms: 400 answers, 1000 are needed',
    ],
    [
      'is the message of a probe as it is',
      { rule: 'probe', step: 'health', message: 'probe health is down: no answer' },
      'probe health is down: no answer',
    ],
  ])('%s', (_, more, line) => {
    expect(formatRule(rowOf(more))).toBe(line)
  })

  it('of the whole verdict has no location', () => {
    expect(
      formatLocation({ rule: 'gate', step: null, metric: 'target', status: 'invalid', message: 'not ready' }),
    ).toBe('')
  })

  it('is cleaned and bounded', () => {
    const line = formatRule(
      rowOf({
        suite: '\u001b[2J'.repeat(1000),
        step: '\u202e'.repeat(1000),
        message: 'x\u0007'.repeat(100_000),
      }),
    )
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect([...line].length).toBeLessThan(500)
  })
})

describe('how much of a budget is used', () => {
  it.each<[string, Partial<VerdictRow>, string, string]>([
    ['of a maximum', {}, '84 %', '420 ms < 500 ms'],
    [
      'of a minimum, where more is better',
      { metric: 'requestsPerMinute', actual: 2000, limit: 1000 },
      '50 %',
      '2000 requests/min ≥ 1000 requests/min',
    ],
    [
      'of a minimum that was missed by half',
      { metric: 'requestsPerMinute', actual: 500, limit: 1000 },
      '200 %',
      '500 requests/min ≥ 1000 requests/min',
    ],
    [
      'of a minimum of which nothing was reached',
      { metric: 'requestsPerMinute', actual: 0, limit: 1000 },
      '–',
      '0 requests/min ≥ 1000 requests/min',
    ],
    ['exceeded many times', { metric: 'errorRate', actual: 0.426, limit: 0.001 }, '426×', '42.6 % < 0.1 %'],
    ['of a budget of 0, passed', { metric: 'errorRate', actual: 0, limit: 0 }, '0 %', '0 % < 0 %'],
    ['just exceeded, with the digit that shows it', { actual: 500.04 }, '100 %', '500.04 ms < 500 ms'],
  ])('%s', (_, more, used, sides) => {
    const [use] = toBudgetUses([rowOf(more)])
    expect(use && formatUse(use.used)).toBe(used)
    expect(use && `${use.actual} ${use.limit}`).toBe(sides)
  })

  it('is left out for a row without actual value and limit, and for a metric that no budget has', () => {
    expect(
      toBudgetUses([
        { ...passed, metric: 'requests' },
        { ...passed, metric: 'constructor' },
        { rule: 'budget', step: null, metric: 'p95Ms', status: 'skipped', message: '' },
      ]),
    ).toEqual([])
  })

  it('finds the passed budget that breaks next', () => {
    const rows = [
      rowOf({ metric: 'meanMs', actual: 10 }),
      rowOf({ metric: 'p99Ms', actual: 490 }),
      rowOf({ status: 'fail', actual: 900 }),
    ]
    expect(findNearestLimit(rows)?.row.metric).toBe('p99Ms')
    expect(findNearestLimit([])).toBeUndefined()
  })
})
