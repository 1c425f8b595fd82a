import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { profileSchema } from '../baselines/profiles/index.ts'
import { verdictSchema } from '../baselines/index.ts'
import { configSchema } from '../config/index.ts'
import { runJsonSchema, probesReportSchema } from '../record/documents/index.ts'
import { runEntrySchema } from '../record/history/index.ts'

/** JSON Schemas of the documents that vigil writes or reads, by name. */
export function documentSchemas(): Record<string, unknown> {
  return {
    run: runJsonSchema(),
    verdict: toJsonSchema(verdictSchema),
    profile: toJsonSchema(profileSchema),
    probes: toJsonSchema(probesReportSchema),
    'history-entry': toJsonSchema(runEntrySchema),
    // The values that a user writes, before the schema transforms them.
    config: z.toJSONSchema(configSchema, { unrepresentable: 'any', io: 'input' }),
  }
}

/** Where the schema of a document is committed. */
export function schemaFile(name: string): URL {
  return new URL(`../record/schemas/${name}.schema.json`, import.meta.url)
}

function toJsonSchema(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { unrepresentable: 'any' })
}

// Run by `npm run generate`; a test fails if a committed file differs from what this writes.
if (import.meta.main)
  for (const [name, schema] of Object.entries(documentSchemas()))
    writeFileSync(schemaFile(name), `${JSON.stringify(schema, null, 2)}\n`)
