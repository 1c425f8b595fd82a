import { writeFileSync } from 'node:fs'
import { jsonSchema } from './schema.ts'

// Run by `npm run generate`; a test fails when the committed file is not what this writes.
writeFileSync(new URL('run.schema.json', import.meta.url), `${JSON.stringify(jsonSchema(), null, 2)}\n`)
