import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { reasons, verdictSchema } from '../baselines/index.ts'
import { configSchema } from '../config/index.ts'
import { runJsonSchema, probesReportSchema } from '../record/documents/index.ts'
import { runEntrySchema } from '../record/history/index.ts'
import { exitCodes } from './exit-codes.ts'

/** JSON Schemas of the documents that vigil writes or reads, by name. */
export function documentSchemas(): Record<string, unknown> {
  return {
    run: runJsonSchema(),
    verdict: toJsonSchema(verdictSchema),
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

/** The table of reasons for `docs/reasons.md`. */
export function reasonsDocument(): string {
  const facts = {
    subject: 'the suite',
    url: 'the URL',
    repeat: () => 'the same command',
    measureMore: 'measure for longer, or more pairs',
  }
  const rows = Object.entries(reasons).map(([code, { means, verdict, next }]) =>
    [`\`${code}\``, means, verdict, exitCodes[verdict].code, next?.(facts) ?? withoutNext]
      .map(String)
      .map((text) => text.replaceAll('|', String.raw`\|`).replaceAll('<', '&lt;'))
      .join(' | '),
  )
  return `# Reasons

After reading this you know why a verdict is not a pass, which exit code follows, and what to do next.

Each row of a verdict that did not pass has a code, and so does each reason in a record's \`validity.codes\`.
\`npm run generate\` writes this table from \`baselines/reasons.ts\`. Reports print the next step with the names,
the URL and the command of the run.

| code | what happened | verdict | exit code | next step |
|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join('\n')}
`
}

const withoutNext = "the report's next step has the figures of the run"

// Run by `npm run generate`; a test fails if a committed file differs from what this writes.
if (import.meta.main) {
  writeFileSync(new URL('../docs/reasons.md', import.meta.url), reasonsDocument())
  for (const [name, schema] of Object.entries(documentSchemas()))
    writeFileSync(schemaFile(name), `${JSON.stringify(schema, null, 2)}\n`)
}
