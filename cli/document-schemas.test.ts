import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { documentSchemas, schemaFile } from './document-schemas.ts'

// The documents are contracts: a change of theirs must be visible in a diff of these files (npm run generate
// writes them).
it.each(Object.entries(documentSchemas()))('the schema of %s is the committed one', (name, schema) => {
  expect(JSON.parse(JSON.stringify(schema))).toEqual(JSON.parse(readFileSync(schemaFile(name), 'utf8')))
})
