import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isUnprintable, toOneLine } from './text.ts'
import { anyText } from './testing/any-text.ts'

const notPrinted = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u{e0000}-\u{e0fff}\ufffe\uffff]/u

it("the table of unprintable characters agrees with Unicode's categories", () => {
  const wrong: string[] = []
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const character = String.fromCodePoint(code)
    if (isUnprintable(character) !== notPrinted.test(character)) wrong.push(code.toString(16))
  }
  expect(wrong).toEqual([])
})

describe('text from outside becomes one harmless line', () => {
  it('without control, direction or invisible characters, of at most its length, whatever it was', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom<[' ', '\ufffd']>(' ', '\ufffd'),
        (text, maxCharacters, replacement) => {
          const line = toOneLine(text, maxCharacters, replacement)
          expect(line).not.toMatch(notPrinted)
          expect([...line].length).toBeLessThanOrEqual(maxCharacters)
          expect(toOneLine(line, maxCharacters, replacement), 'a line stays as it is').toBe(line)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('control characters, terminal escapes and direction marks become blanks', () => {
    expect(toOneLine('a\u001B[2Jb\r\nc\u0000d\u202Ee\u2028f\u009Bg')).toBe('a [2Jb c d e f g')
    expect(toOneLine('a\u0000\u0000\n\nb\ud800')).toBe('a b')
  })

  it('or the replacement character, where a reader should see that something was there', () => {
    expect(toOneLine('a\u001B[2Jb\r\nc\u0000d\u202Ee', 200, '\ufffd')).toBe('a\ufffd[2Jb c\ufffdd\ufffde')
  })

  it('at most 200 characters are kept, and no half of one', () => {
    expect(toOneLine('x'.repeat(10_000_000))).toBe(`${'x'.repeat(199)}…`)
    expect(toOneLine('😀'.repeat(500)).isWellFormed()).toBe(true)
  })

  it('without a limit nothing is cut', () => {
    expect(toOneLine('x'.repeat(5000), Infinity)).toHaveLength(5000)
  })
})
