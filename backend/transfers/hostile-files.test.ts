import { beforeAll, describe, expect, test } from 'vitest'
import { measureLongestTurnMs, measureParsingMs } from '../testing/turns.ts'
import { newTask } from '../tasks/index.ts'
import { readRows } from './formats.ts'
import type { Format } from './formats.ts'

/** The size of the largest import. */
const bytes = 5 * 1024 * 1024
const half = bytes / 2

/** Files that cost the most time for each byte. Each of them is one row or an error. */
const files: Record<string, [Format, string]> = {
  'nested arrays': ['json', `${'['.repeat(half)}${']'.repeat(half)}`],
  'nested arrays that never end': ['json', '['.repeat(bytes)],
  'nested objects': ['json', `[${'{"a":'.repeat(half / 3)}1${'}'.repeat(half / 3)}]`],
  'one row of many arrays': ['json', `[[${'[],'.repeat(half)}[]]]`],
  'one row of many fields': [
    'json',
    `[{${Array.from({ length: bytes / 10 }, (_, index) => `"${index}":1`).join(',')}}]`,
  ],
  'one row of escaped quotes': ['json', `[{"title":"${String.raw`\"`.repeat(half)}"}]`],
  'a string that never ends': ['json', `["${String.raw`\\`.repeat(half)}`],
  'a header of commas': ['csv', ','.repeat(bytes)],
  'a row of commas': ['csv', `title\n${','.repeat(bytes)}`],
  'rows of commas': ['csv', `title\n${`${','.repeat(999)}\n`.repeat(bytes / 1000)}`],
  'a header of quotes': ['csv', `"${'""'.repeat(half)}"`],
  'a row of quotes': ['csv', `title\n"${'""'.repeat(half)}"`],
}

describe('the event loop gets a turn within about 250 ms while an import has', () => {
  let parsingMs: number
  beforeAll(() => {
    parsingMs = measureParsingMs()
  })

  test.each(Object.entries(files))('%s', async (_what, [format, text]) => {
    // As the database returns it: one piece of memory.
    const body = Buffer.from(text).toString()
    const longestMs = await measureLongestTurnMs(async () => {
      try {
        for await (const row of readRows(format, body)) {
          expect(row).toBeDefined()
          await new Promise((resolve) => setImmediate(resolve))
        }
      } catch {
        // Most of these files are refused.
      }
    })
    expect(longestMs).toBeLessThan(0.25 * parsingMs)
  })
})

async function read(body: string, format: Format = 'json'): Promise<unknown[]> {
  const rows = []
  for await (const row of readRows(format, body)) rows.push('task' in row ? row.task : row.message)
  return rows
}

const task = (title: string, more: object = {}): unknown => newTask.parse({ title, ...more })

describe('a CSV file of a spreadsheet', () => {
  const done = { status: 'done' }
  test.each([
    ['columns without a name at the end', 'title,status,,\na,done,,\n', [task('a', done)]],
    ['an empty column between others', 'title,,status\na,,done\n', [task('a', done)]],
    ['a blank name of an empty column', 'title, ,status\na,,done\n', [task('a', done)]],
    ['rows of commas at the end', 'title,status\na,done\n,\n,\n', [task('a', done)]],
    [
      'rows of commas between others',
      'title,status\n,\na,done\n,,,\nb,done',
      [task('a', done), task('b', done)],
    ],
    ['more commas in a row than in the header', 'title\na,,,\n', [task('a')]],
    ['only rows of commas', 'title,status\n,\n,\n', []],
    ['an empty last field', 'title,status\na,\n', [task('a')]],
  ])('with %s', async (_what, body, expected) => {
    expect(await read(body, 'csv')).toEqual(expected)
  })

  test.each([
    ['semicolons', 'title;status\na;done\n', 'columns are separated by semicolons, expected commas'],
    ['tabs', 'title\tstatus\na\tdone\n', 'columns are separated by tabs, expected commas'],
    ['only commas in the header', ',,\na,b,c\n', 'column title is missing'],
    ['1,001 columns', `title${','.repeat(1000)}\n`, 'a row has more than 1000 fields'],
  ])('with %s is refused', async (_what, body, message) => {
    await expect(read(body, 'csv')).rejects.toThrow(message)
  })

  test('names the rows with text in a column without a name, and those of another length', async () => {
    const [nameless, longer, shorter, fine] = await read(
      'title,,status\na,x,done\nb,,done,x\nc\nd,,done',
      'csv',
    )
    expect(nameless).toBe('row: Unrecognized key: "column 2 without a name"')
    for (const message of [longer, shorter])
      expect(message).toBe('found another number of fields than columns')
    expect(fine).toEqual(task('d', done))
  })
})

describe('a JSON file', () => {
  test.each([
    ['nothing', '[]', []],
    ['white space', ' [ \n] \r\n', []],
    ['white space around tasks', '\t[ {"title":"a"} ,\n{"title":"b"}\r] ', [task('a'), task('b')]],
    ['brackets, quotes and commas in text', String.raw`[{"title":"],[\"},\\"}]`, [task('],["},\\')]],
  ])('of %s', async (_what, body, expected) => {
    expect(await read(body)).toEqual(expected)
  })

  test.each([
    '',
    '[',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[,]',
    '[]]',
    '[] 1',
    '[{"title":"a"}{"title":"b"}]',
    '[{"title":"a"]}]',
    '["a]',
    '[nul]',
    '[1}',
  ])('%j is no JSON', async (body) => {
    await expect(read(body)).rejects.toThrow(/JSON/)
  })

  test.each(['{}', '{"a":[]}', '"[]"', '1', 'null'])('%s is no array', async (body) => {
    await expect(read(body)).rejects.toThrow('expected an array of tasks')
  })

  test('names the rows that are nested too deeply or have too many values', async () => {
    const tags = (count: number): string => `{"title":"a","tags":[${'"",'.repeat(count - 1)}""]}`
    const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`
    const rows = [
      `{"title":"a","id":${nested(31)}}`,
      `{"title":"a","id":${nested(32)}}`,
      tags(1001),
      '{"title":"b"}',
    ]
    expect(await read(`[${rows.join(',')}]`)).toEqual([
      task('a'),
      'has 33 levels, expected at most 32',
      'has 1004 values, expected at most 1000',
      task('b'),
    ])
  })
})
