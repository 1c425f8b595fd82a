import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { referenceFile, referencePages } from './document-reference.ts'
import { documentSchemas, schemaFile } from './document-schemas.ts'

// The documents are contracts: a change of theirs must be visible in a diff of these files (npm run generate
// writes them).
it.each(Object.entries(documentSchemas()))('the schema of %s is the committed one', (name, schema) => {
  expect(JSON.parse(JSON.stringify(schema))).toEqual(JSON.parse(readFileSync(schemaFile(name), 'utf8')))
})

it.each(Object.entries(await referencePages()))('docs/reference/%s is the committed one', (name, text) => {
  expect(text).toBe(readFileSync(referenceFile(name), 'utf8'))
})

describe('the reference says what each field means', async () => {
  const pages = await referencePages()

  it.each([
    ['config.md', 70],
    ['record.md', 80],
    ['verdict.md', 15],
  ])('in %s', (name, atLeast) => {
    const rows = pages[name]?.match(/^\| `.*$/gm) ?? []
    expect(rows.length).toBeGreaterThan(atLeast)
    expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([])
  })

  it('in journeys.md, by a comment above each', () => {
    const lines = pages['journeys.md']?.split('\n') ?? []
    const fields = lines.flatMap((line, index) => (/^ {2}\[?\w+\??[:\]]/.test(line) ? [index] : []))
    expect(fields.length).toBeGreaterThan(20)
    const bare = fields.filter((index) => !lines[index - 1]?.trimEnd().endsWith('*/'))
    expect(bare.map((index) => lines[index])).toEqual([])
  })
})
