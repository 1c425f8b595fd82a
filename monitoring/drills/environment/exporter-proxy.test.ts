import { expect, it } from 'vitest'
import { withValues, compressTimestamps } from './exporter-proxy.ts'

const exposition = '# TYPE a gauge\na{b="x y"} 1\na{b="z"} 2\nab 3\n'

it.each([
  ['nothing replaced', {}, exposition],
  ['a metric in all its series', { a: 9 }, '# TYPE a gauge\na{b="x y"} 9\na{b="z"} 9\nab 3\n'],
  ['a missing metric', { c: 0.5 }, `${exposition}c 0.5\n`],
])('the proxy forwards the metrics of its exporter with %s', (_, values, expected) =>
  expect(withValues(exposition, values)).toBe(expected),
)

it('shortens the ages of timestamps, and keeps those in the future', () => {
  const expected = (beat: number): string =>
    `# TYPE beat_timestamp_seconds gauge\nbeat_timestamp_seconds{a="b"} ${beat}\nother ` +
    '40\nend_timestamp_seconds 2000\n'
  expect(compressTimestamps(expected(940), 60, 1_000_000)).toBe(expected(999))
})
