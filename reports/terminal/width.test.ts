import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText } from '../wording/index.ts'
import { clip, padEnd, padStart, measureWidth, wrap } from './paper.ts'

describe('a text is as wide as a terminal draws it', () => {
  it.each([
    ['', 0, 'nothing'],
    ['task-crud/list', 14, 'letters'],
    ['Zürich café', 11, 'accents, written as one character'],
    ['cafe\u0301', 4, 'accents, written as two'],
    ['日本語', 6, 'Chinese characters and kana, two columns each'],
    ['한국어', 6, 'Korean syllables'],
    ['\u1112\u1161\u11ab', 2, 'a Korean syllable, written as its parts'],
    ['ｗｉｄｅ', 8, 'fullwidth letters'],
    ['ﾊﾝ', 2, 'halfwidth kana'],
    ['🚀', 2, 'a pictograph'],
    ['👍🏽', 2, 'a pictograph with a skin tone'],
    ['🇩🇪', 2, 'a flag'],
    ['❤\ufe0f', 2, 'a narrow character asked for in colour'],
    ['…–≥', 3, 'the signs the reports use themselves'],
    ['क्ष', 2, 'a cluster of two consonants'],
    ['\u1100\u1100\u1100', 6, 'three consonants without a vowel, which are one cluster'],
    ['〈｟', 4, 'brackets of East Asian scripts'],
    ['𗀀𛀀', 4, 'Tangut and old kana'],
    ['a\u0301\u0302\u0303\u0304', 1, 'a heap of accents'],
    ['\u0301', 1, 'an accent with nothing below it'],
  ])('%j is %i wide: %s', (text, width) => {
    expect(measureWidth(text)).toBe(width)
  })
})

// As everything from outside: through plain, which leaves no control character.
const someText = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc
      .array(fc.constantFrom('日', '🚀', '❤\ufe0f', 'a', ' ', '\u0301', '한', '🇩🇪', '\u1100'))
      .map((parts) => parts.join('')),
  )
  .map((text) => cleanText(text))
const someWidth = fc.integer({ min: 2, max: 120 })

describe('a line never overflows', () => {
  it('when it is clipped, and what was cut is shown', () => {
    fc.assert(
      fc.property(someText, fc.integer({ min: 0, max: 120 }), (text, width) => {
        const clipped = clip(text, width)
        expect(measureWidth(clipped)).toBeLessThanOrEqual(width)
        if (clipped !== text && width > 0) expect(clipped.endsWith('…')).toBe(true)
        if (measureWidth(text) <= width) expect(clipped).toBe(text)
      }),
    )
  })

  it('when it is wrapped, and nothing of it is lost but spaces', () => {
    fc.assert(
      fc.property(someText, someWidth, (text, width) => {
        const lines = wrap(text, width)
        for (const line of lines)
          expect(measureWidth(line)).toBeLessThanOrEqual(Math.max(width, widest(text)))
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
    )
  })

  it('is broken between words when there are any', () => {
    expect(wrap('p95 712 ms, budget < 500 ms', 14)).toEqual(['p95 712 ms,', 'budget < 500', 'ms'])
    expect(wrap('a http://x.example/long/path b', 10)).toEqual(['a', 'http://x.e', 'xample/lon', 'g/path b'])
    expect(wrap('', 10)).toEqual([])
  })

  it('and is filled up to a column exactly', () => {
    fc.assert(
      fc.property(someText, someWidth, (text, width) => {
        const short = clip(text, width)
        expect(measureWidth(padEnd(short, width))).toBe(width)
        // A mark with nothing below it joins the space before it, which makes the line narrower, never wider.
        const joins = /^\p{M}/u.test(short) ? 1 : 0
        expect(width - measureWidth(padStart(short, width))).toBeLessThanOrEqual(joins)
      }),
    )
  })
})

// One cluster cannot be broken: twenty Korean consonants without a vowel are forty columns, whatever the terminal is.
function widest(text: string): number {
  return Math.max(
    0,
    ...[...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)].map(({ segment }) =>
      measureWidth(segment),
    ),
  )
}
