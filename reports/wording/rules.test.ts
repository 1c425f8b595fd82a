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

const kept: VerdictRow = {
  rule: 'budget',
  suite: 'steady',
  step: null,
  metric: 'p95Ms',
  status: 'pass',
  actual: 420,
  limit: 500,
  message: 'p95 420 ms, budget < 500 ms',
}
const rowOf = (more: Partial<VerdictRow>): VerdictRow => ({ ...kept, ...more })
const statuses = (...words: RowStatus[]): Verdict => verdictWith(words.map((status) => rowOf({ status })))

function verdictWith(rows: VerdictRow[]): Verdict {
  return { schema: 'vigil.verdict/1', verdict: toVerdictWord(rows), rows }
}

describe('a verdict in a sentence', () => {
  it.each([
    [statuses('pass', 'pass'), 'all 2 rules were kept'],
    [statuses('pass'), 'the one rule was kept'],
    [statuses('pass', 'improved'), 'all 2 rules were kept'],
    [statuses('fail', 'pass'), '1 broken of 2 rules'],
    [statuses('fail'), '1 broken of 1 rule'],
    [statuses('inconclusive', 'fail', 'invalid', 'fail'), '2 broken, 1 invalid, 1 undecided of 4 rules'],
    [statuses('pass', 'skipped'), 'the one rule was kept; 1 not judged'],
    [statuses('fail', 'skipped', 'skipped'), '1 broken of 1 rule; 2 not judged'],
    [statuses('skipped'), 'nothing was judged'],
    [statuses(), 'nothing was judged'],
    [verdictWith([rowOf({ status: 'inconclusive', metric: 'budgets' })]), 'nothing was judged'],
  ])('%#: %s', (verdict, sentence) => {
    expect(summarizeVerdict(verdict)).toBe(sentence)
  })
})

describe('the broken rows', () => {
  it('begin with those that made the verdict what it is, and keep their order', () => {
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

describe('a rule in a line', () => {
  it.each<[string, Partial<VerdictRow>, string]>([
    ['with the value first and the suite behind', {}, 'p95 420 ms, budget < 500 ms, steady'],
    [
      'with the step behind the suite',
      { step: 'task-crud/list' },
      'p95 420 ms, budget < 500 ms, steady, task-crud/list',
    ],
    [
      'with where it was first, when there is more to say',
      { message: 'p99 2 ms, budget < 8 ms: 400 answers, 1000 are needed' },
      'steady: p99 2 ms, budget < 8 ms: 400 answers, 1000 are needed',
    ],
    [
      'as a probe says it itself',
      { rule: 'probe', step: 'health', message: 'probe health is down: no answer' },
      'probe health is down: no answer',
    ],
  ])('%s', (_, more, line) => {
    expect(formatRule(rowOf(more))).toBe(line)
  })

  it('of everything has no where', () => {
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
      'of a minimum of which nothing was done',
      { metric: 'requestsPerMinute', actual: 0, limit: 1000 },
      '–',
      '0 requests/min ≥ 1000 requests/min',
    ],
    ['many times over', { metric: 'errorRate', actual: 0.426, limit: 0.001 }, '426×', '42.6 % < 0.1 %'],
    ['of a budget of none, kept', { metric: 'errorRate', actual: 0, limit: 0 }, '0 %', '0 % < 0 %'],
    ['just over, with the digit that shows it', { actual: 500.04 }, '100 %', '500.04 ms < 500 ms'],
  ])('%s', (_, more, used, sides) => {
    const [use] = toBudgetUses([rowOf(more)])
    expect(use && formatUse(use.used)).toBe(used)
    expect(use && `${use.actual} ${use.limit}`).toBe(sides)
  })

  it('is not said of what has no two sides, or a name no budget has', () => {
    expect(
      toBudgetUses([
        { ...kept, metric: 'requests' },
        { ...kept, metric: 'constructor' },
        { rule: 'budget', step: null, metric: 'p95Ms', status: 'skipped', message: '' },
      ]),
    ).toEqual([])
  })

  it('shows which of the kept budgets breaks next', () => {
    const rows = [
      rowOf({ metric: 'meanMs', actual: 10 }),
      rowOf({ metric: 'p99Ms', actual: 490 }),
      rowOf({ status: 'fail', actual: 900 }),
    ]
    expect(findNearestLimit(rows)?.row.metric).toBe('p99Ms')
    expect(findNearestLimit([])).toBeUndefined()
  })
})
