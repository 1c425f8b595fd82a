import { expect, it } from 'vitest'
import { withValues, compressTimestamps } from './exporter-proxy.ts'

const exposition = '# TYPE a gauge\na{b="x y"} 1\na{b="z"} 2\nab 3\n'

it.each([
  ['nothing set', {}, exposition],
  ['a metric in all its series', { a: 9 }, '# TYPE a gauge\na{b="x y"} 9\na{b="z"} 9\nab 3\n'],
  ['one that is not there', { c: 0.5 }, `${exposition}c 0.5\n`],
])('a stand-in says what its exporter says but for %s', (_, values, said) =>
  expect(withValues(exposition, values)).toBe(said),
)

it('makes the ages of moments shorter, and leaves what lies ahead', () => {
  const said = (beat: number): string =>
    `# TYPE beat_timestamp_seconds gauge\nbeat_timestamp_seconds{a="b"} ${beat}\nother 40\nend_timestamp_seconds 2000\n`
  expect(compressTimestamps(said(940), 60, 1_000_000)).toBe(said(999))
})
