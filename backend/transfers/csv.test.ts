import { array, assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { csvLine, csvRows, unguardFormula } from './csv.ts'

const read = (source: string) => [...csvRows(source)]

describe('csvRows', () => {
  test.each([
    [
      'plain fields',
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['CR LF and a last line end', 'a\r\nb\r\n', [['a'], ['b']]],
    ['commas, quotes and line ends in quotes', '"a,b","c""d","e\r\nf"\n', [['a,b', 'c"d', 'e\r\nf']]],
    [
      'empty fields',
      ',a,\n"",b\n',
      [
        ['', 'a', ''],
        ['', 'b'],
      ],
    ],
    ['a byte order mark', '\ufeffa,b', [['a', 'b']]],
    ['empty lines', 'a\n\n\nb', [['a'], ['b']]],
    ['nothing', '', []],
  ])('reads %s', (_what, source, rows) => {
    expect(read(source)).toEqual(rows)
  })

  test.each([
    ['a quote that is never closed', 'a,"b'],
    ['text after a closing quote', '"a"b,c'],
    ['a quote inside a plain field', 'a"b'],
  ])('refuses %s', (_what, source) => {
    expect(() => read(source)).toThrow(/quote/)
  })

  test('reads back what csvLine writes, whatever it is', () => {
    const field = string({ unit: 'binary' })
    assert(
      property(array(array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }), (rows) => {
        const source = rows.map((row) => csvLine(row)).join('')
        expect(read(source).map((row) => row.map((value) => unguardFormula(value)))).toEqual(rows)
      }),
    )
  })
})

test.each(['=1+1', '+1', '-1', '@sum', "'=1", '\tx'])(
  'a spreadsheet does not take %j for a formula',
  (value) => {
    expect(read(csvLine([value, 'x']))[0]?.[0]).toMatch(/^'/)
  },
)
