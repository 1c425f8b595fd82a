import { describe, expect, it } from 'vitest'
import { combineVerdicts, toVerdictWord } from './verdict.ts'
import type { RowStatus, Verdict, VerdictRow, VerdictWord } from './verdict.ts'
import { amount } from './wording.ts'

const row = (status: RowStatus): VerdictRow => ({
  rule: 'budget',
  step: null,
  metric: 'p95Ms',
  status,
  message: '',
})
const verdict = (word: VerdictWord): Verdict => ({ schema: 'vigil.verdict/1', verdict: word, rows: [] })

describe('the verdict over rows', () => {
  const cases: [RowStatus[], VerdictWord][] = [
    [[], 'invalid'],
    [['skipped'], 'invalid'],
    [['pass'], 'pass'],
    [['pass', 'skipped', 'improved'], 'pass'],
    [['pass', 'inconclusive'], 'inconclusive'],
    [['pass', 'inconclusive', 'fail'], 'fail'],
    [['fail', 'invalid'], 'invalid'],
  ]
  it.each(cases)('%j is %s', (statuses, word) => {
    expect(toVerdictWord(statuses.map(row))).toBe(word)
  })
})

describe('the verdict over several runs', () => {
  const cases: [VerdictWord[], RowStatus[], VerdictWord, string][] = [
    [[], [], 'invalid', 'nothing was judged'],
    [['pass', 'pass'], ['pass'], 'pass', 'all is well'],
    [['pass', 'fail', 'invalid'], [], 'fail', 'what a valid run found broken is broken'],
    [['pass', 'invalid'], ['pass'], 'invalid', 'half a gate is no gate'],
    [['pass', 'inconclusive'], [], 'inconclusive', 'not enough to decide'],
    [['pass'], ['fail'], 'fail', 'a probe is down'],
    [['pass'], ['skipped'], 'pass', 'what was left out is shown, not judged'],
    [[], ['skipped'], 'invalid', 'everything was left out'],
  ]
  it.each(cases)('%j with rows %j is %s: %s', (words, statuses, expected) => {
    expect(combineVerdicts(words.map(verdict), statuses.map(row)).verdict).toBe(expected)
  })
})

describe('an amount in a message', () => {
  it.each([
    ['ms', 712.3456, undefined, '712 ms'],
    ['ms', 0.5, undefined, '0.5 ms'],
    ['ms', 0, undefined, '0 ms'],
    ['ms', 499.96, 500, '499.96 ms'],
    ['ms', 12345.6, undefined, '12346 ms'],
    ['ratio', 0.0213, undefined, '2.13 %'],
    ['ratio', 0.001, 0.001, '0.1 %'],
    ['ratio', 0.000333333, 0.001, '0.0333 %'],
    ['perMinute', 8412.7, 1000, '8413 requests/min'],
    ['bytes', 180e6, 512e6, '180 MB'],
  ] as const)('%s %d next to the limit %s is written %s', (unit, value, limit, text) => {
    expect(amount(unit, value, limit)).toBe(text)
  })
})
