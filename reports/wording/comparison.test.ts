import { describe, expect, it } from 'vitest'
import { htmlReport } from '../html/index.ts'
import { markdownReport } from '../markdown/index.ts'
import { examples } from '../testing/examples/index.ts'
import type { ReportInput } from '../input.ts'
import { adviseNextSteps } from './advice.ts'
import { formatFactor, formatLimits, formatRatio, summarizeComparison } from './comparison.ts'

const example = (name: string): ReportInput => examples[name]?.() ?? expect.unreachable()
const headline = (input: ReportInput): string =>
  input.comparison ? summarizeComparison(input.comparison, input) : expect.unreachable()

describe('a change in words', () => {
  it.each([
    [1.011, '+1.1 %', '1.1 %'],
    [1, '+0 %', '0 %'],
    [0.82, '−18 %', '18 %'],
    [1.99, '+99 %', '99 %'],
    [2, '2×', '2×'],
    [30.2, '30×', '30×'],
    [1234, '1230×', '1230×'],
    [0.4, '−60 %', '2.5×'],
  ])('%d', (ratio, signed, factor) => {
    expect([formatRatio(ratio), formatFactor(ratio)]).toEqual([signed, factor])
  })

  it('has no limits where there are none', () => {
    expect(formatLimits([25.1, 38.4])).toBe('25× to 38×')
    expect(formatLimits(undefined)).toBe('')
    expect(formatLimits([0.9, Infinity])).toBe('')
  })
})

describe('the first sentence about a duet', () => {
  it.each([
    [
      'duetSlower',
      'the work tree (a81b2c3d4) is 30× slower at p95 (95 % limits 25× to 38×), ' +
        'in task-crud/list and task-crud/read; seen twice, on fresh processes; 24 pairs',
    ],
    [
      'duetSame',
      'the work tree (a81b2c3d4) is not slower by more than the margin ' +
        '(p50 +0 %, 95 % limits −1 % to +1 %; p95 +1 %, 95 % limits −2 % to +4 %)',
    ],
    ['duetInvalid', 'nothing can be said about the work tree (a81b2c3d4): the baseline did not start'],
  ])('of %s', (name, sentence) => {
    expect(headline(example(name))).toBe(sentence)
  })

  it('of an undecided one does not call it slower, nor as fast', () => {
    expect(headline(example('duetOpen'))).toMatch(/^it cannot be decided whether the work tree .* is slower/)
  })

  it('says when a fail was seen once only, and how much is worse without a latency', () => {
    const input = example('duetSlower')
    const rows = input.verdict.rows.filter(({ rule }) => rule === 'exact')
    const once = {
      ...input,
      verdict: { ...input.verdict, rows },
      ...(input.comparison && { comparison: { ...input.comparison, processPairs: 1 } }),
    }
    expect(headline(once)).toBe(
      'the work tree (a81b2c3d4) is worse: SQL statements 1 → 21: at most as many as before, ' +
        'in task-crud/list; 24 pairs on one pair of processes',
    )
  })
})

describe('the next step of a duet', () => {
  it('asks for more pairs with the command that was typed, and never for a duration', () => {
    const input = { ...example('duetOpen'), command: ['ab', 'main', '--config', 'x.ts', '--pairs', '24'] }
    expect(adviseNextSteps(input)).toEqual([
      'measure more pairs: vigil ab main --config x.ts --pairs 48 --max-minutes 6',
    ])
  })

  it('asks for as many pairs as the row says that it needs', () => {
    const input = example('duetOpen')
    const rows = input.verdict.rows.map((row) =>
      row.status === 'inconclusive' ? { ...row, needed: 232 } : row,
    )
    const open = { ...input, verdict: { ...input.verdict, rows }, command: ['ab', 'main'] }
    expect(adviseNextSteps(open)).toEqual(['measure more pairs: vigil ab main --pairs 232 --max-minutes 29'])
  })

  it('is composed from the command that repeats it where a gate ran it', () => {
    const input = { ...example('duetOpen'), command: ['gate', '--base', 'main'] }
    expect(adviseNextSteps(input)).toEqual(['measure more pairs: vigil ab main --pairs 48 --max-minutes 6'])
  })

  it.each(['duetSlower', 'duetOpen', 'duetInvalid'])('is there for %s, and not for a pass', (name) => {
    expect(adviseNextSteps(example(name)).length).toBeGreaterThan(0)
    expect(adviseNextSteps(example('duetSame'))).toEqual([])
  })
})

describe('the page of a duet', () => {
  const page = htmlReport(example('duetSlower'))

  it('has why directly below the verdict, then the effects, the curves and the pairs', () => {
    const order = [
      'class="verdict',
      'id="why"',
      'id="effects"',
      'id="percentiles"',
      'id="pairs"',
      'id="sides"',
    ]
    const places = order.map((part) => page.indexOf(part))
    expect(places.every((place) => place > 0)).toBe(true)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })

  it('draws each effect with its interval, and both curves', () => {
    const effects = page.slice(page.indexOf('id="effects"'), page.indexOf('id="percentiles"'))
    expect(effects.match(/<tr role="row">.*?<svg/g)).toHaveLength(8)
    expect(effects).toContain('<title>30×, 95 % limits 25× to 38×</title>')
    const curves = page.slice(page.indexOf('id="percentiles"'), page.indexOf('id="pairs"'))
    expect(curves.match(/class="series base"/g)).toHaveLength(2)
  })

  it('calls a row of no step the whole run, and folds what was skipped', () => {
    for (const text of [page, markdownReport(example('duetSlower'))]) expect(text).toContain('whole run')
    const skipped = page.indexOf('<summary>2 skipped')
    expect(page.slice(0, skipped).lastIndexOf('<details>')).toBeGreaterThan(
      page.slice(0, skipped).lastIndexOf('</details>'),
    )
  })

  it.each(['duetInvalid', 'duetSame'])('leaves out what was not measured: %s', (name) => {
    const text = htmlReport(example(name))
    expect(text.includes('id="pairs"')).toBe(name === 'duetSame')
    expect(text).not.toContain('id="why"')
    expect(text).not.toContain('No budget of this run')
  })
})

describe('the page and the Markdown of a duet', () => {
  const input = example('duetSlower')

  it.each([
    ['page', htmlReport(input)],
    ['Markdown', markdownReport(input)],
  ])('say how precise the machine was: %s', (_, text) => {
    expect(text).toMatch(/control|Control/)
    expect(text).toMatch(/this machine, now(?:&#58;\u200b|:) (?:±|&#177;)1\.1 %/)
  })

  it('have the service of both sides', () => {
    const [, table = ''] = markdownReport(input)
      .replaceAll('\u200b', '')
      .split('service of both sides</summary>')
    expect(table.split('</details>')[0]).toMatch(/^\| CPU per request \| [\d.]+ ms \| [\d.]+ ms \|$/m)
    expect(htmlReport(input)).toContain('CPU per request')
  })
})
