import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compressFile, maskFile } from './files.ts'
import { compressMs, compressPromql, findSpans, formatDuration, maskPromql, parseDuration } from './promql.ts'

function faster(expression: string, speed: number): string {
  const read = findSpans(expression)
  if (read.state === 'invalid') throw new Error(read.reason)
  return compressPromql(expression, read.spans, speed)
}

function milliseconds(expression: string): number[] {
  const read = findSpans(expression)
  return read.state === 'ok' ? read.spans.map(({ ms }) => Math.round(ms)) : []
}

describe('a duration', () => {
  it.each([
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '5', 'm', '5 m', '5x', '30s1m', '1m1m', '-5m', '1.5h'])('%j is not a duration', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  )

  it('parses what it formats', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })

  it('never becomes 0 on a faster clock', () => {
    expect(compressMs(10, 1000)).toBe(1)
    expect(compressMs(0, 1000)).toBe(0)
  })
})

describe('an expression on a clock 50 times as fast', () => {
  it.each([
    ['a range', 'rate(a[5m])', 'rate(a[6s])'],
    ['a threshold and a rate per minute stay', 'sum(rate(a[5m])) * 60 > 100', 'sum(rate(a[6s])) * 60 > 100'],
    [
      'a subquery with its step',
      'max_over_time(rate(a[5m])[1h:1m])',
      'max_over_time(rate(a[6s])[1m12s:1s200ms])',
    ],
    ['a subquery without a step', 'max_over_time(a[1h:])', 'max_over_time(a[1m12s:])'],
    ['an offset, also a negative one', 'a offset 1d + a offset -5m', 'a offset 28m48s + a offset -6s'],
    ['an age', 'time() - push_time_seconds > 3600', 'time() - push_time_seconds > 72'],
    [
      'an age on the right side',
      '3600 < (time() - max(push_time_seconds))',
      '72 < (time() - max(push_time_seconds))',
    ],
    [
      'an age in a product: one factor',
      'time() - x_timestamp_seconds > 26 * 3600',
      'time() - x_timestamp_seconds > 26 * 72',
    ],
    [
      'an age in hours',
      '(time() - x_timestamp_seconds) / 3600 > 26',
      '(time() - x_timestamp_seconds) / 72 > 26',
    ],
    ['a timestamp compared with now', 'push_time_seconds < time() - 600', 'push_time_seconds < time() - 12'],
    ['a prediction', 'predict_linear(a[1h], 4 * 3600) < 0', 'predict_linear(a[1m12s], 4 * 72) < 0'],
    ['comments stay', 'a[5m] # for 5m', 'a[6s] # for 5m'],
  ])('%s', (_, before, after) => expect(faster(before, 50)).toBe(after))

  it.each([
    { what: 'a timestamp after @', text: 'a @ 1609746000' },
    { what: 'labels and texts', text: 'a{b="5m"} or label_replace(a, "x", "10m", "y", "")' },
    { what: 'the offset of a clock', text: 'abs(a_timestamp_seconds - timestamp(a_timestamp_seconds)) > 5' },
    { what: 'a difference of other seconds, which is no age', text: 'a_seconds - b_seconds > 2' },
    { what: 'a response time, which is no age', text: 'x_response_time_seconds > 5' },
    { what: 'the hour', text: 'a and on() (hour() == 9)' },
  ])('keeps $what', ({ text }) => expect(faster(text, 50)).toBe(text))

  it.each(['', 'rate(a[5m]', 'a > > 1', 'a 5m'])('%j is invalid, with the position', (text) =>
    expect(findSpans(text)).toMatchObject({ state: 'invalid', reason: expect.stringContaining('character') }),
  )

  const selector = fc.constantFrom('a', 'b{c="d"}', 'c:d:e5m')
  const duration = fc.constantFrom('1m', '5m', '1h', '1d', '2h30m').map(String)
  const expression = fc.letrec<{ any: string }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      selector,
      fc.tuple(selector, duration).map(([s, d]) => `rate(${s}[${d}])`),
      fc.tuple(selector, duration).map(([s, d]) => `${s} offset ${d}`),
      fc.tuple(tie('any'), duration, duration).map(([e, d, s]) => `max_over_time((${e})[${d}:${s}])`),
      fc
        .tuple(tie('any'), fc.constantFrom('+', '/', '>', 'and', 'unless'), tie('any'))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      tie('any').map((e) => `sum by (c) (${e})`),
      fc.constant('(time() - push_time_seconds > 7200)'),
      fc.constant('0.05'),
    ),
  })).any

  it('changes only durations, and gets them back on the slower clock', () => {
    fc.assert(
      fc.property(expression, fc.constantFrom(10, 50, 60, 100), (text, speed) => {
        const once = faster(text, speed)
        expect(maskPromql(once)).toBe(maskPromql(text))
        expect(milliseconds(faster(once, 1 / speed))).toEqual(milliseconds(text))
      }),
    )
  })
})

describe('a file on a clock 50 times as fast', () => {
  it('keeps its comments, labels and texts', () => {
    const rules = `groups:
  - name: api
    interval: 15s # how often
    rules:
      - alert: Slow
        # more than a second for 5m
        expr: |
          histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m]))) > 1
        for: 2m
        keep_firing_for: 5m
        labels: { severity: high, window: 5m }
        annotations: { summary: slower than 1s for 5m }
`
    const fast = compressFile('rules', rules, 'rules.yml', 50)
    expect(fast).toMatchObject({ state: 'ok', notes: [] })
    const text = fast.state === 'ok' ? fast.text : ''
    expect(text).toContain('interval: 300ms # how often')
    expect(text).toContain('# more than a second for 5m')
    expect(text).toContain('rate(a_bucket[6s]))) > 1')
    expect(text).toContain('for: 2s400ms')
    expect(text).toContain('keep_firing_for: 6s')
    expect(text).toContain('labels: { severity: high, window: 5m }')
    expect(text).toContain('slower than 1s for 5m')
    expect(maskFile('rules', text, '')).toEqual(maskFile('rules', rules, ''))
  })

  it('compresses every route, but no time of day', () => {
    const fast = compressFile(
      'alertmanager',
      'route:\n  group_wait: 10s\n  routes:\n    - repeat_interval: 1h\n      routes: [{ ' +
        'group_interval: 10s }]\ntime_intervals:\n  - name: night\n    time_intervals: [{ ' +
        'times: [{ start_time: 22:00, end_time: 24:00 }] }]\n',
      'a.yml',
      50,
    )
    expect(fast).toMatchObject({
      text: expect.stringMatching(
        /group_wait: 200ms[^]*repeat_interval: 1m12s[^]*group_interval: 200ms[^]*start_time: 22:00/,
      ),
    })
  })

  it('compresses every scrape interval and its timeout', () => {
    const fast = compressFile(
      'prometheus',
      'global: { scrape_interval: 15s, evaluation_interval: 15s }\nscrape_configs:\n  - { ' +
        'job_name: a, scrape_interval: 10s, scrape_timeout: 5s }\n',
      'p.yml',
      50,
    )
    expect(fast).toMatchObject({
      text: expect.stringMatching(
        /scrape_interval: 300ms, evaluation_interval: 300ms[^]*scrape_interval: 200ms, scrape_timeout: 100ms/,
      ),
    })
  })

  it.each([
    ['a file that is not YAML', 'rules', 'groups: [', 'f.yml: '],
    [
      'an invalid duration',
      'rules',
      'groups: [{ rules: [{ alert: A, expr: a, for: soon }] }]',
      'f.yml: A: for: expected a duration such as 30s, got "soon"',
    ],
    [
      'an invalid expression',
      'rules',
      'groups: [{ rules: [{ alert: A, expr: "a >" }] }]',
      'f.yml: A: expected PromQL at character',
    ],
  ] as const)('rejects %s and says where', (_, kind, text, reason) => {
    expect(compressFile(kind, text, 'f.yml', 50)).toMatchObject({
      state: 'invalid',
      reason: expect.stringContaining(reason),
    })
  })

  it('notes where the wall clock is used', () => {
    expect(
      compressFile(
        'rules',
        'groups: [{ rules: [{ alert: A, expr: "a and on() hour() == 9" }] }]',
        'f.yml',
        50,
      ),
    ).toMatchObject({ notes: [expect.stringContaining('hour() == 9')] })
  })

  it('shows any other difference in its mask', () => {
    const rule = (threshold: number): string =>
      `groups: [{ rules: [{ alert: A, expr: "rate(a[5m]) > ${threshold}", for: 2m }] }]`
    expect(maskFile('rules', rule(1), '')).not.toEqual(maskFile('rules', rule(2), ''))
  })
})
