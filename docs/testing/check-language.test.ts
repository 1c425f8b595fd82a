import { describe, expect, it } from 'vitest'
import { findLanguageProblems } from './check-language.ts'

const found = (text: string): string[] =>
  findLanguageProblems(text, { checkLength: true }).map((problem) => problem.found)

describe('the language check', () => {
  it('finds a replaced word in a sentence, whatever its case', () => {
    expect(found('Nobody was told.\nfine')).toEqual(['told', 'Nobody'])
  })

  it.each(['const firstFlaw = 1', 'const FIRST_FLAW = 1', 'class Misuse {}'])(
    'finds it inside an identifier: %s',
    (line) => {
      expect(found(line)).toHaveLength(1)
    },
  )

  it('leaves words alone that only contain one', () => {
    expect(found('satellites, shear stress, hearth, flawless, dearth, besides')).toEqual([])
  })

  it('names the line', () => {
    expect(findLanguageProblems('one\ntwo\nheard', { checkLength: false })).toMatchObject([
      { line: 3, found: 'heard' },
    ])
  })

  it('allows lines of 110 characters and no more', () => {
    expect(found('x'.repeat(110))).toEqual([])
    expect(found('x'.repeat(111))).toEqual(['111 characters'])
    expect(findLanguageProblems('x'.repeat(111), { checkLength: false })).toEqual([])
  })
})
