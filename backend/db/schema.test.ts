import { array, assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatTextArray, parseTextArray } from './schema.ts'

describe('a text[]', () => {
  test.each([
    ['{}', []],
    ['{a,b c}', ['a', 'b c']],
    [String.raw`{"\\ ","a\"b","x,y",""}`, ['\\ ', 'a"b', 'x,y', '']],
    ['{"NULL","{}"}', ['NULL', '{}']],
  ])('as PostgreSQL writes it: %s', (text, elements) => {
    expect(parseTextArray(text)).toEqual(elements)
  })

  test('comes back as it was written, whatever is in it', () => {
    assert(
      property(array(string({ unit: 'binary' })), (elements) => {
        expect(parseTextArray(formatTextArray(elements))).toEqual(elements)
      }),
    )
  })
})
