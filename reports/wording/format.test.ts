import { describe, expect, it } from 'vitest'
import { formatNumber, formatCount, formatDuration, formatSeconds, formatRate } from './format.ts'

describe('figures', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1_234_567, '1,234,567'],
    [9_007_199_254_740_991, '9,007,199,254,740,991'],
    [-1234, '-1,234'],
    [1.6, '2'],
    [NaN, '–'],
    [Infinity, '–'],
  ])('the count %d is %s', (value, text) => {
    expect(formatCount(value)).toBe(text)
  })

  it.each([
    [0, '0'],
    [0.347, '0.347'],
    [39.96, '40'],
    [138.21, '138'],
    [1000, '1,000'],
    [104_249.7, '104,250'],
    [NaN, '–'],
  ])('the rate %d is %s', (value, text) => {
    expect(formatRate(value)).toBe(text)
  })

  it.each([
    [0, '0 ms'],
    [412.4, '412 ms'],
    [1000, '1 s'],
    [90_500, '90.5 s'],
    [119_960, '120 s'],
    [120_000, '2 min'],
    [150_000, '2 min 30 s'],
    [179_700, '3 min'],
    [3_600_000, '60 min'],
    [7_200_000, '2 h'],
    [86_400_000, '24 h'],
  ])('the duration of %d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('a value that was not measured is a dash, not a zero', () => {
    expect(formatNumber('ms', undefined)).toBe('–')
    expect(formatNumber('ms', NaN)).toBe('–')
    expect(formatNumber('ms', 0)).toBe('0')
    expect(formatNumber('ratio', 0.0204)).toBe('2.04')
  })

  it('a time offset has tenths of a second', () => {
    expect(formatSeconds(34_418)).toBe('34.4 s')
    expect(formatSeconds(0)).toBe('0.0 s')
  })
})
