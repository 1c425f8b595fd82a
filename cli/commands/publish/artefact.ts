import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { verdictSchema } from '../../../baselines/index.ts'
import type { Verdict } from '../../../baselines/index.ts'
import { parseDocument } from '../../../record/documents/index.ts'
import { readText, writeWhole } from '../../../record/store/index.ts'
import type { Annotation } from '../../../reports/ci/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { tryWrite } from '../../shared/artefacts.ts'
import { UsageError } from '../../shared/world.ts'

/** What one workflow leaves for another one to publish: its artefact. */
const artefactFile = 'publication.json'

const maxBytes = 2 * 2 ** 20
const maxRows = 500
const maxText = 2000

const line = z.string().max(maxText)
const annotation = z.strictObject({
  path: z
    .string()
    .max(300)
    .regex(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\p{Cc}\\]+$/u, 'expected a path inside the repository'),
  line: z.int().min(1).max(10_000_000),
  level: z.enum(['failure', 'warning']),
  title: line,
  message: line,
})

// No text of it is Markdown: what is shown is written again from the rows.
const artefact = z.strictObject({
  schema: z.literal('vigil.publication/1'),
  pullRequest: z.int().min(1).max(1_000_000_000).exactOptional(),
  exitCode: z.int().min(0).max(255).exactOptional(),
  mode: z.enum(['enforce', 'advisory']),
  verdict: verdictSchema
    .refine(({ rows }) => rows.length <= maxRows, `expected at most ${maxRows} rows`)
    .refine(
      ({ rows }) =>
        rows.every((row) =>
          [row.message, row.rule, row.suite ?? '', row.step ?? '', row.metric].every(
            (text) => text.length <= maxText,
          ),
        ),
      `expected texts of at most ${maxText} characters`,
    )
    .exactOptional(),
  annotations: z.array(annotation).max(50, 'expected at most 50 annotations'),
})
export type Artefact = z.infer<typeof artefact>

/** Writes the artefact. Returns what could not be written. */
export async function writeArtefact(
  folder: string,
  {
    verdict,
    annotations,
    ...facts
  }: Omit<Artefact, 'schema' | 'verdict' | 'annotations'> & {
    verdict: Verdict | undefined
    annotations: Annotation[]
  },
): Promise<string[]> {
  const document: Artefact = {
    schema: 'vigil.publication/1',
    ...facts,
    ...(verdict && { verdict: shorten(verdict) }),
    annotations,
  }
  return tryWrite(folder, async () =>
    writeWhole(join(folder, artefactFile), `${JSON.stringify(document, null, 2)}\n`),
  )
}

const shown: ReadonlySet<string> = new Set(['fail', 'invalid', 'inconclusive', 'improved'])

/** The rows that a report of the verdict alone shows first, and as many as an artefact may have. */
function shorten({ schema, verdict, rows }: Verdict): Verdict {
  const ordered = rows.toSorted((a, b) => Number(shown.has(b.status)) - Number(shown.has(a.status)))
  return {
    schema,
    verdict,
    rows: ordered.slice(0, maxRows).map((row) => ({ ...row, message: cleanText(row.message, 1000) })),
  }
}

/**
 * Reads the artefact of a workflow that ran the code of a fork: nothing in it is believed but what its schema
 * allows, and no link in it is followed.
 */
export async function readArtefact(folder: string): Promise<Artefact> {
  const file = join(folder, artefactFile)
  const found = await lstat(file).catch(() => undefined)
  if (found === undefined || !found.isFile())
    throw new UsageError(`${file}: found no such file, expected the artefact of vigil publish`)
  if (found.size > maxBytes)
    throw new UsageError(`${file}: found ${found.size} bytes, expected at most ${maxBytes}`)
  const read = parseDocument(await readText(file), file, artefact, 'a vigil.publication/1 document')
  if (read.state === 'invalid') throw new UsageError(cleanText(read.problem, 600))
  return read.value
}
