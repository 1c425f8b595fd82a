import { createHash } from 'node:crypto'
import { z } from 'zod'
import { checkComparableRun, jsonOf, parseDocument } from '../../record/documents/index.ts'
import type { ComparableRun, Run } from '../../record/index.ts'

/** One accepted run: what a comparison needs of its record, with its histograms made compact. */
export interface AcceptedRun extends ComparableRun {
  id: string
  startedAt: string
  durationMs: number
  /** Of the target, when the record knew it. */
  revision?: string
}

/**
 * What later runs of a suite in one environment are compared with, `vigil.baseline/1`: a committed, reviewed
 * file. The runs come oldest first; `anchor` names those from which slow creep is measured, however many runs
 * were accepted since.
 */
export interface Baseline {
  schema: 'vigil.baseline/1'
  suite: string
  engine: string
  environment: Run['environment']
  load: Run['load']
  anchor: { runs: string[]; reason?: string }
  runs: AcceptedRun[]
}

/** With fewer accepted runs it is not known how much runs differ. */
export const minAccepted = 5
/** In addition to the anchor's runs, this many of the newest are kept and compared with. */
export const recentRuns = 10

export type ReadBaseline =
  | { state: 'ok'; baseline: Baseline }
  /** `isAltered`: its digest is not that of its content. */
  | { state: 'invalid'; problem: string; isAltered?: true }

const outline = z.looseObject({
  schema: z.literal('vigil.baseline/1'),
  suite: z.string().min(1).max(200),
  engine: z.string().min(1).max(100),
  environment: z.looseObject({ fingerprint: z.string().min(1) }),
  load: z.looseObject({
    model: z.enum(['arrival-rate', 'connections', 'once']),
    ratePerSecond: z.number().exactOptional(),
    connections: z.number().exactOptional(),
    shards: z.number().exactOptional(),
    script: z.string().exactOptional(),
  }),
  anchor: z.object({ runs: z.array(z.string()).min(1), reason: z.string().exactOptional() }),
  runs: z
    .array(
      z.looseObject({
        id: z.string().min(1),
        startedAt: z.iso.datetime(),
        durationMs: z.number().nonnegative(),
        revision: z.string().exactOptional(),
      }),
    )
    .min(1),
})

/**
 * Reads a baseline. One damaged run refuses it all: a baseline is never silently computed from fewer runs.
 * `where` names the file.
 */
export function parseBaseline(text: string, where: string): ReadBaseline {
  const read = parseDocument(text, where, outline, 'a vigil.baseline/1 file')
  if (read.state === 'invalid') return read
  const { runs, ...rest } = read.value
  const accepted: AcceptedRun[] = []
  for (const [index, entry] of runs.entries()) {
    const checked = checkComparableRun(entry, `${where}: runs[${index}]`)
    if (checked.state === 'invalid') return checked
    accepted.push({
      ...checked.run,
      id: entry.id,
      startedAt: entry.startedAt,
      durationMs: entry.durationMs,
      ...(entry.revision !== undefined && { revision: entry.revision }),
    })
  }
  const known = new Set(accepted.map(({ id }) => id))
  if (known.size < accepted.length)
    return { state: 'invalid', problem: `${where}: runs: found one twice, expected each run once` }
  const lost = rest.anchor.runs.find((id) => !known.has(id))
  if (lost !== undefined)
    return {
      state: 'invalid',
      problem:
        `${where}: anchor.runs: ${JSON.stringify(lost)} is not among the runs: restore it from version ` +
        'control, or accept runs again',
    }
  return { state: 'ok', baseline: { ...rest, runs: accepted.toSorted(byTime) } }
}

/** The text of a baseline's file, with the digest of its content. */
export function formatBaseline(baseline: Baseline): string {
  return formatReviewedJson({ ...baseline, digest: digestOf(baseline) })
}

/**
 * Reads a baseline's file and verifies its digest: figures that a person changed were measured by no one. The
 * digest is over the content, so a file may be indented differently.
 */
export function parseSealedBaseline(text: string, where: string): ReadBaseline {
  const json = jsonOf(text)
  const sealed = json.state === 'ok' ? outline.safeParse(json.value) : undefined
  // What is no baseline at all is described by the reader.
  if (sealed?.success !== true) return parseBaseline(text, where)
  const { digest, ...content } = { digest: undefined, ...sealed.data }
  if (digest === digestOf(content)) return parseBaseline(text, where)
  const problem = digest === undefined ? 'found none' : 'found another than that of its content'
  return {
    state: 'invalid',
    isAltered: true,
    problem:
      `${where}: digest: ${problem}: the file was edited; restore it from version control, or ` +
      `remove it and accept runs again with 'vigil baseline accept'`,
  }
}

function digestOf(content: object): string {
  return `sha256:${createHash('sha256').update(formatReviewedJson(content)).digest('hex')}`
}

/** By when they began; their ids where that is the same. */
export function byTime(
  a: Pick<AcceptedRun, 'startedAt' | 'id'>,
  b: Pick<AcceptedRun, 'startedAt' | 'id'>,
): number {
  return Date.parse(a.startedAt) - Date.parse(b.startedAt) || (a.id < b.id ? -1 : 1)
}

/** The name of a baseline's file: one for each suite and environment. */
export function baselineFile(suite: string, fingerprint: string): string {
  return `${suite.replaceAll(/[^A-Za-z0-9._-]/g, '-')}.${fingerprint.replaceAll(/[^A-Za-z0-9_-]/g, '-')}.json`
}

/**
 * JSON for a file that people review: keys sorted, two spaces, and what is a list of plain values or of pairs
 * of numbers (a histogram) on one line. The same value always gives the same text, so that a diff shows what
 * changed and nothing else.
 */
export function formatReviewedJson(value: unknown): string {
  return `${formatValue(value, '')}\n`
}

function formatValue(value: unknown, indent: string): string {
  if (Array.isArray(value)) return formatList(value, indent)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return '{}'
  const inner = `${indent}  `
  const lines = entries.map(([key, each]) => `${inner}${JSON.stringify(key)}: ${formatValue(each, inner)}`)
  return `{\n${lines.join(',\n')}\n${indent}}`
}

function formatList(values: readonly unknown[], indent: string): string {
  if (
    values.every(
      (value) =>
        typeof value !== 'object' ||
        value === null ||
        (Array.isArray(value) && value.every((each) => typeof each === 'number')),
    )
  )
    return JSON.stringify(values)
  const inner = `${indent}  `
  return `[\n${values.map((value) => inner + formatValue(value, inner)).join(',\n')}\n${indent}]`
}
