import { deflateRawSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { Histogram } from '../index.ts'
import { packHistograms, unpackHistograms } from './packed.ts'

it('keeps histograms to the microsecond', () => {
  const steps: Record<string, Histogram> = {
    'a/b': [
      [0.001, 1],
      [4.999, 40],
      [60_000.001, 2],
    ],
    empty: [],
    'odd "name"\n': [[9_007_199_254, 1]],
  }
  expect(Object.fromEntries(unpackHistograms(packHistograms(steps)) ?? [])).toEqual(steps)
})

it.each([
  ['no compressed value', Buffer.from('hello')],
  ['nothing', Buffer.alloc(0)],
  ['no JSON', deflateRawSync('{')],
  ['other JSON', deflateRawSync('{"a/b":[[1,2]]}')],
  ['a negative count', deflateRawSync('{"a/b":[1,-2]}')],
  ['a gigabyte of zeros', deflateRawSync(Buffer.alloc(64 * 2 ** 20))],
])('refuses %s', (_what, packed) => {
  expect(unpackHistograms(packed)).toBeUndefined()
})
