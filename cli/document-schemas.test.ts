import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
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

it('the reference of the config says what most of its fields mean', async () => {
  const rows = (await referencePages())['config.md']?.match(/^\| `.*$/gm) ?? []
  expect(rows.length).toBeGreaterThan(50)
  expect(rows.filter((row) => row.endsWith(' |  |')).length / rows.length).toBeLessThan(0.4)
})
