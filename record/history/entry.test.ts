import { expect, it } from 'vitest'
import { comparableOf, entryOf, parseEntry } from './entry.ts'
import { example } from './testing/records.ts'

it('an entry is read back as it was; what is none is not', () => {
  const { steps: _steps, histograms: _histograms, ...entry } = entryOf(example, 'pass')
  expect(parseEntry(JSON.stringify(entry))).toEqual(entry)
  for (const text of ['', '{}', 'null', '[1]', JSON.stringify({ ...entry, latency: null })])
    expect(parseEntry(text)).toBeUndefined()
  expect(comparableOf(entryOf({ ...example, interrupted: true }, null))).toMatchObject({ interrupted: true })
})
