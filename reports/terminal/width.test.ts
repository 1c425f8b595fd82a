import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText } from '../wording/index.ts'
import { clip, padEnd, padStart, measureWidth, wrap } from './paper.ts'

describe('the width of a text in a terminal', () => {
  const texts: Record<string, [text: string, width: number]> = {
    nothing: ['', 0],
    letters: ['task-crud/list', 14],
    'accents, written as one character': ['Zürich café', 11],
    'accents, written as two': ['cafe\u0301', 4],
    'Chinese characters and kana, two columns each': ['日本語', 6],
    'Korean syllables': ['한국어', 6],
    'a Korean syllable, written as its parts': ['\u1112\u1161\u11ab', 2],
    'fullwidth letters': ['ｗｉｄｅ', 8],
    'halfwidth kana': ['ﾊﾝ', 2],
    'a pictograph': ['🚀', 2],
    'a pictograph with a skin tone': ['👍🏽', 2],
    'a flag': ['🇩🇪', 2],
    'a narrow character with emoji presentation': ['❤\ufe0f', 2],
    'the signs that the reports use': ['…–≥', 3],
    'a cluster of two consonants': ['क्ष', 2],
    'three consonants without a vowel, which are one syllable block': ['\u1100\u1100\u1100', 2],
    'brackets of East Asian scripts': ['〈｟', 4],
    'Tangut and old kana': ['𗀀𛀀', 4],
    'several accents': ['a\u0301\u0302\u0303\u0304', 1],
    'an accent without a base character': ['\u0301', 0],
  }
  it.each(Object.entries(texts))('of %s', (_, [text, width]) => {
    expect(measureWidth(text)).toBe(width)
  })
})

// All text from outside is cleaned first, so it has no control character.
const someText = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc
      .array(
        fc.constantFrom('日', '🚀', '❤\ufe0f', 'a', ' ', '\u0301', '한', '🇩🇪', '\u1100', 'क्ष', 'ำ', '🏽'),
      )
      .map((parts) => parts.join('')),
  )
  .map((text) => cleanText(text))
const someWidth = fc.integer({ min: 2, max: 120 })

describe('a line never overflows', () => {
  it('when it is clipped, and an ellipsis shows it', () => {
    fc.assert(
      fc.property(someText, fc.integer({ min: 0, max: 120 }), (text, width) => {
        const clipped = clip(text, width)
        expect(measureWidth(clipped)).toBeLessThanOrEqual(width)
        if (clipped !== text && width > 0) expect(clipped.endsWith('…')).toBe(true)
        if (measureWidth(text) <= width) expect(clipped).toBe(text)
      }),
    )
  })

  it('when it is wrapped, and only white space is lost', () => {
    fc.assert(
      fc.property(someText, someWidth, (text, width) => {
        const lines = wrap(text, width)
        for (const line of lines)
          expect(measureWidth(line)).toBeLessThanOrEqual(Math.max(width, widest(text)))
        // wrap-ansi composes characters: an e and an accent become one character.
        expect(lines.join('').replaceAll(/\s/g, '')).toBe(text.normalize().replaceAll(/\s/g, ''))
      }),
    )
  })

  it('is broken between words where possible', () => {
    expect(wrap('p95 712 ms, budget < 500 ms', 14)).toEqual(['p95 712 ms,', 'budget < 500', 'ms'])
    expect(wrap('a abcdefghijklmnop b', 10)).toEqual(['a', 'abcdefghij', 'klmnop', 'b'])
    expect(wrap('', 10)).toEqual([])
  })

  it.each([
    ['a URL', 'a http://x.example/long/path b', ['a', 'http://x.example/long/path', 'b']],
    ['a path', 'read /tmp/very/long/target.log, then', ['read', '/tmp/very/long/target.log,', 'then']],
    [
      'a command at the end of a sentence',
      "do it: vigil gate --config 'my config.ts' --duration 60",
      ['do it:', "vigil gate --config 'my config.ts' --duration 60"],
    ],
    ['a command within a sentence', 'run vigil probe --once again', ['run', 'vigil probe --once', 'again']],
    [
      'a command with a word of its own',
      'or vigil baseline waive accepts it',
      ['or', 'vigil baseline waive', 'accepts it'],
    ],
  ])('and never within %s, which is copied', (_, text, lines) => {
    expect(wrap(text, 12)).toEqual(lines)
  })

  it('and is padded to exactly one width', () => {
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

// One cluster cannot be split: an Indic conjunct of ten consonants is ten columns wide in any terminal.
function widest(text: string): number {
  return Math.max(
    0,
    ...[...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)].map(({ segment }) =>
      measureWidth(segment),
    ),
  )
}
