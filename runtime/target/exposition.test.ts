import { describe, expect, it } from 'vitest'
import { parseExposition, sumOf } from './exposition.ts'

describe('the Prometheus text format', () => {
  it('is read as samples; other lines are skipped', () => {
    const text = [
      '# HELP x_total Help',
      '# TYPE x_total counter',
      'x_total 3',
      'x_total{route="/a\\"}b",status="200"} 4 1700000000000',
      'y 1.5e-3 # {trace_id="a"} 1',
      'inf +Inf',
      'nan NaN',
      'not a sample',
      '',
      '{"json":1}',
    ].join('\n')
    expect(parseExposition(text).map(({ name, value }) => [name, value])).toEqual([
      ['x_total', 3],
      ['x_total', 4],
      ['y', 0.0015],
      ['inf', Number.POSITIVE_INFINITY],
    ])
    expect(sumOf(parseExposition(text), 'x_total')).toBe(7)
    expect(sumOf(parseExposition(text), 'z')).toBeUndefined()
  })

  it('reads a line that is built to make the pattern slow in no time', () => {
    expect(parseExposition(`x{${'a="\\\\",'.repeat(50_000)}`)).toEqual([])
  })
})
