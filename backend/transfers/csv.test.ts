import { array, assert, asyncProperty, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCsvRows, readCsvRows, unguardFormula } from './formats.ts'

async function read(source: string): Promise<string[][]> {
  const rows: string[][] = []
  for await (const row of readCsvRows(source)) rows.push(row)
  return rows
}

describe('readCsvRows', () => {
  test.each([
    [
      'plain fields',
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['CR LF and a final line end', 'a\r\nb\r\n', [['a'], ['b']]],
    ['mixed line ends', 'a\r\nb\nc\rd', [['a'], ['b'], ['c'], ['d']]],
    ['commas, quotes and line ends in quotes', '"a,b","c""d","e\r\nf"\n', [['a,b', 'c"d', 'e\r\nf']]],
    [
      'empty fields',
      ',a,\n"",b\n',
      [
        ['', 'a', ''],
        ['', 'b'],
      ],
    ],
    ['rows of different lengths', 'a,b\nc\nd,e,f', [['a', 'b'], ['c'], ['d', 'e', 'f']]],
    ['a trailing comma at the end of the text', 'a,', [['a', '']]],
    ['a byte order mark', '\ufeffa,b', [['a', 'b']]],
    ['a byte order mark before a quote', '\ufeff"a",b', [['a', 'b']]],
    ['empty lines', 'a\n\n\nb', [['a'], ['b']]],
    ['lines that hold only quotes', 'a\n""\nb', [['a'], ['b']]],
    ['nothing', '', []],
  ])('reads %s', async (_what, source, rows) => {
    expect(await read(source)).toEqual(rows)
  })

  test('reads a field of 5 MB and multi-byte characters across its slices', async () => {
    const long = 'é😀'.repeat(850_000)
    expect(await read(`a,"${long}"\r\n${long},b\r\n`)).toEqual([
      ['a', long],
      [long, 'b'],
    ])
  })

  test.each([
    ['an unclosed quote', 'a,"b', 'a quote is never closed'],
    ['text after a closing quote', '"a"b,c', 'text after a closing quote'],
    ['a quote inside a plain field', 'a"b', 'a quote inside a field without quotes'],
  ])('refuses %s', async (_what, source, message) => {
    await expect(read(source)).rejects.toThrow(message)
  })

  test('yields the rows before an error', async () => {
    const rows: string[][] = []
    const reading = (async () => {
      for await (const row of readCsvRows('a\nb\n"c')) rows.push(row)
    })()
    await expect(reading).rejects.toThrow('a quote is never closed')
    expect(rows).toEqual([['a'], ['b']])
  })

  test('restores what formatCsvRows writes, for any text', async () => {
    const field = string({ unit: 'binary' })
    await assert(
      asyncProperty(array(array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }), async (rows) => {
        const found = await read(formatCsvRows(rows))
        expect(found.map((row) => row.map((value) => unguardFormula(value)))).toEqual(rows)
      }),
    )
  })
})

test('formatCsvRows quotes what needs quotes, and ends lines with CR LF', () => {
  expect(formatCsvRows([['a', '', 'b,c', 'd"e', 'f\ng']])).toBe('a,"","b,c","d""e","f\ng"\r\n')
})

test.each(['=1+1', '+1', '-1', '@sum', "'=1", '\tx'])(
  'a spreadsheet does not take %j for a formula',
  async (value) => {
    expect((await read(formatCsvRows([[value, 'x']])))[0]?.[0]).toMatch(/^'/)
  },
)
