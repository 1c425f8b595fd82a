import { writeFileSync } from 'node:fs'
import { documentSchemas, schemaFile } from './document-schemas.ts'

// Run by `npm run generate`; a test fails when a committed file is not what this writes.
for (const [name, schema] of Object.entries(documentSchemas()))
  writeFileSync(schemaFile(name), `${JSON.stringify(schema, null, 2)}\n`)
