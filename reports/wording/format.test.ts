import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { formatNumber, formatCount, formatDuration, formatSeconds, formatRate } from './format.ts'

describe('figures', () => {
  it('that count are whole, with a comma before each third digit', () => {
    const counts = [0, 999, 1000, 1_234_567, 9_007_199_254_740_991, -1234, 1.6, NaN, Infinity]
    expect(counts.map(formatCount)).toEqual([
      '0',
      '999',
      '1,000',
      '1,234,567',
      '9,007,199,254,740,991',
      '-1,234',
      '2',
      '–',
      '–',
    ])
  })

  it('that are rates have three significant digits, or all of a whole number', () => {
    const rates = [0, 0.347, 39.96, 138.21, 1000, 104_249.7, NaN]
    expect(rates.map(formatRate)).toEqual(['0', '0.347', '40', '138', '1,000', '104,250', '–'])
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

describe('a text for people', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const sources = execFileSync('git', ['ls-files', 'baselines', 'cli', 'load', 'reports', 'synthetics'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|\/testing\//.test(file))

  // (1700).toPrecision(3) is 1.70e+3.
  it('has no number that toPrecision alone has made', () => {
    const bare = sources.filter((file) =>
      /(?<!Number\([\w .()*/+-]*)\.toPrecision\(/.test(readFileSync(`${root}/${file}`, 'utf8')),
    )
    expect(bare).toEqual([])
  })
})
