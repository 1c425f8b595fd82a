import { open, readdir, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { verdictSchema } from '../../../baselines/index.ts'
import type { Verdict, VerdictRow } from '../../../baselines/index.ts'
import { parseDocument } from '../../../record/documents/index.ts'
import type { Run } from '../../../record/index.ts'
import { decodeText, readRecord } from '../../../record/store/index.ts'
import { UsageError } from '../../shared/world.ts'

/** Folders below the folder of results, by what they hold. */
const folders = { run: 'runs', gate: 'gates', duet: 'duets' } as const
export type ResultKind = keyof typeof folders
export const resultKinds = ['run', 'gate', 'duet'] as const satisfies readonly ResultKind[]

/** A result without its rows. */
interface ResultEntry {
  id: string
  kind: ResultKind
  verdict: Verdict['verdict'] | 'unreadable'
  rows: Partial<Record<VerdictRow['status'], number>>
}

const maxVerdictBytes = 8 * 2 ** 20
const maxReportBytes = 2 ** 20
const worstFirst: VerdictRow['status'][] = ['fail', 'invalid', 'inconclusive', 'improved', 'pass', 'skipped']

/** The newest results: ids begin with the time. */
export async function listResults(
  out: string,
  kinds: readonly ResultKind[],
  most: number,
): Promise<{ results: ResultEntry[]; older: number }> {
  const found: { id: string; kind: ResultKind }[] = []
  for (const kind of kinds)
    for (const entry of await readdir(join(out, folders[kind]), { withFileTypes: true }).catch(() => []))
      if (entry.isDirectory() && !entry.name.startsWith('.')) found.push({ id: entry.name, kind })
  const newest = found.toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, most)
  const results: ResultEntry[] = []
  for (const { id, kind } of newest) results.push(await describeResult(out, id, kind))
  return { results, older: found.length - newest.length }
}

async function describeResult(out: string, id: string, kind: ResultKind): Promise<ResultEntry> {
  const read = await readVerdictFile(join(out, folders[kind], id), out)
  if (read.state === 'invalid') return { id, kind, verdict: 'unreadable', rows: {} }
  const rows: ResultEntry['rows'] = {}
  for (const { status } of read.value.rows) rows[status] = (rows[status] ?? 0) + 1
  return { id, kind, verdict: read.value.verdict, rows }
}

/** A verdict with its rows, worst first. */
export async function readVerdict(
  out: string,
  id: string,
  statuses: readonly VerdictRow['status'][] | undefined,
): Promise<Verdict & { id: string }> {
  const read = await readVerdictFile(await findFolder(out, id), out)
  if (read.state === 'invalid') throw new UsageError(read.problem)
  const rows = read.value.rows
    .filter(({ status }) => statuses?.includes(status) ?? true)
    .toSorted((a, b) => worstFirst.indexOf(a.status) - worstFirst.indexOf(b.status))
  return { id, ...read.value, rows }
}

/** A record without what only pictures need. */
export async function readRun(out: string, id: string): Promise<object> {
  const folder = await findFolder(out, id, ['run'])
  const file = await confine(join(folder, 'record.json'), out)
  const stored = await readRecord(file)
  if (stored.state === 'invalid') throw new UsageError(stored.problem)
  const { endpoints, timeline: _timeline, ...run }: Run = stored.run
  return {
    ...run,
    endpoints: Object.fromEntries(
      Object.entries(endpoints).map(([step, { histogram: _histogram, ...totals }]) => [step, totals]),
    ),
  }
}

/** A page of the Markdown report. */
export async function readReport(
  out: string,
  id: string,
  offset: number,
  most: number,
): Promise<{ id: string; text: string; nextOffset?: number; totalCharacters: number }> {
  const file = await confine(join(await findFolder(out, id), 'report.md'), out)
  const text = decodeReferences(await readBounded(file, maxReportBytes))
  const end = offset + most
  return {
    id,
    text: text.slice(offset, end),
    ...(end < text.length && { nextOffset: end }),
    totalCharacters: text.length,
  }
}

/** The report escapes texts for a page that renders Markdown. An agent reads them as they were. */
function decodeReferences(markdown: string): string {
  return markdown.replaceAll('\u200b', '').replaceAll(/&#(\d{1,7});/g, (reference, code: string) => {
    const point = Number(code)
    return point <= 0x10ffff ? String.fromCodePoint(point) : reference
  })
}

/** The path of a run's record, for a command line. */
export async function findRecord(out: string, id: string): Promise<string> {
  return confine(join(await findFolder(out, id, ['run']), 'record.json'), out)
}

async function findFolder(
  out: string,
  id: string,
  kinds: readonly ResultKind[] = resultKinds,
): Promise<string> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(id))
    throw new UsageError(`id: found ${JSON.stringify(id.slice(0, 80))}, expected an id of list_results`)
  for (const kind of kinds) {
    const folder = join(out, folders[kind], id)
    const isThere = await realpath(folder).then(
      () => true,
      () => false,
    )
    if (isThere) return confine(folder, out)
  }
  throw new UsageError(`id: found ${id}, expected the id of a ${kinds.join(', a ')} that list_results shows`)
}

/** A real path below the folder of results: a link may lead out of it. */
async function confine(path: string, out: string): Promise<string> {
  const [top, real] = [await realpath(out), await realpath(path).catch(() => undefined)]
  if (real === undefined) throw new UsageError(`${path}: not found, expected a file of this result`)
  if (!real.startsWith(`${top}${sep}`))
    throw new UsageError(`${path}: leads out of ${out}, expected a file of this project`)
  return real
}

async function readVerdictFile(folder: string, out: string): Promise<ReturnType<typeof parseVerdict>> {
  try {
    const file = await confine(join(folder, 'verdict.json'), out)
    return parseVerdict(await readBounded(file, maxVerdictBytes), file)
  } catch (error) {
    if (error instanceof UsageError) return { state: 'invalid', problem: error.message }
    throw error
  }
}

function parseVerdict(
  text: string,
  file: string,
): { state: 'ok'; value: Verdict } | { state: 'invalid'; problem: string } {
  return parseDocument<Verdict>(text, file, verdictSchema, 'a vigil.verdict/1 document')
}

async function readBounded(file: string, mostBytes: number): Promise<string> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    if (size > mostBytes) throw new UsageError(`${file}: ${size} bytes, expected at most ${mostBytes}`)
    return decodeText(await handle.readFile(), file)
  } finally {
    await handle.close()
  }
}
