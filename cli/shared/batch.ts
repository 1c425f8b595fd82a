import { createReadStream } from 'node:fs'
import { exitCodes } from '../exit-codes.ts'
import { UsageError } from './world.ts'
import type { World } from './world.ts'
import { findChangePoints } from '../../baselines/change-points/index.ts'
import type { ChangePointOptions } from '../../baselines/change-points/index.ts'
import { checkRuns, compareRuns } from '../../baselines/compare/index.ts'
import type { ComparisonOptions } from '../../baselines/compare/index.ts'
import { checkComparableRun, jsonOf } from '../../record/documents/index.ts'
import type { ComparableRun } from '../../record/index.ts'
import { cleanText } from '../../reports/wording/index.ts'

/**
 * Judges a file of cases, one a line, and prints one document a line, in order, each with its case's `id`. A long batch is not lost to
 * one bad line: that one is answered as such, named on stderr with file and line, and the exit code is 2 in the end; otherwise it is 0,
 * whatever was found, because the findings are the documents. (Workers were tried: sending lines to them costs what they save.)
 */
export async function runBatch(path: string, world: World, job: BatchJob): Promise<number> {
  let bad = 0
  let lines = 0
  for await (const { number, text } of linesOf(path)) {
    if (world.interrupted.aborted) break
    lines += 1
    const where = `${path}:${number}`
    const { output, problem } =
      text === undefined
        ? refused(job, null, `${where}: longer than ${longestLine} bytes, expected one case a line`)
        : judgeLine(job, where, text)
    if (problem !== undefined) {
      bad += 1
      world.stderr(`vigil: ${problem}\n`)
    }
    world.stdout(`${output}\n`)
  }
  if (lines === 0 && !world.interrupted.aborted)
    throw new UsageError(`${path}: empty, expected one case a line`)
  return bad > 0 ? exitCodes.usageError.code : exitCodes.pass.code
}

/** What is asked of every line of a batch. Plain data: it crosses to a worker. */
export type BatchJob =
  | { kind: 'compare'; comparison: ComparisonOptions }
  | { kind: 'history'; looked: ChangePointOptions }

/** What a line came to: the line to print, and what was wrong with it. */
export interface Answer {
  output: string
  problem?: string
}

type Judged = { state: 'judged'; document: object } | { state: 'refused'; problem: string }
type Fields = Readonly<Record<string, unknown>>

/** Judges one line of a batch. `where` names file and line in the problem; the answer is one line of JSON with the case's `id` whatever happens. */
export function judgeLine(job: BatchJob, where: string, text: string): Answer {
  const json = jsonOf(text)
  if (json.state === 'refused')
    return refused(job, null, `${where}: not JSON (${json.problem}), expected one case a line`)
  if (!isRecord(json.value))
    return refused(
      job,
      null,
      `${where}: found ${Array.isArray(json.value) ? 'an array' : typeof json.value}, expected an object with an id`,
    )
  const { id = null, ...fields } = json.value
  const judged =
    job.kind === 'compare'
      ? judgeComparison(fields, where, job.comparison)
      : judgeSeries(fields, where, job.looked)
  return judged.state === 'refused'
    ? refused(job, id, judged.problem)
    : { output: JSON.stringify({ id, ...judged.document }) }
}

/** The answer to a line that could not be judged: never a pass, never silence. */
export function refused({ kind }: BatchJob, id: unknown, why: string): Answer {
  const problem = cleanText(why)
  const document =
    kind === 'compare'
      ? {
          schema: 'vigil.verdict/1',
          verdict: 'invalid',
          rows: [{ rule: 'comparison', step: null, metric: 'input', status: 'invalid', message: problem }],
        }
      : { changes: [], problem }
  return { output: JSON.stringify({ id, ...document }), problem }
}

function judgeComparison(fields: Fields, where: string, comparison: ComparisonOptions): Judged {
  const baseline = checkRuns(fields['baseline'], `${where}: baseline`)
  if (baseline.state === 'refused') return baseline
  const candidate = checkRuns(fields['candidate'], `${where}: candidate`)
  if (candidate.state === 'refused') return candidate
  return { state: 'judged', document: compareRuns(baseline.runs, candidate.runs, comparison) }
}

function judgeSeries(fields: Fields, where: string, looked: ChangePointOptions): Judged {
  const series: unknown = fields['series']
  if (!Array.isArray(series))
    return {
      state: 'refused',
      problem: `${where}: series: found ${series === null ? 'null' : typeof series}, expected an array of vigil.run/1 records`,
    }
  const runs: (ComparableRun | null)[] = []
  for (const [index, value] of series.entries()) {
    // A gap in the series keeps its place.
    const checked =
      value === null
        ? { state: 'read' as const, run: null }
        : checkComparableRun(value, `${where}: series[${index}]`)
    if (checked.state === 'refused') return checked
    runs.push(checked.run)
  }
  return { state: 'judged', document: { changes: findChangePoints(runs, looked) } }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A line of this many bytes is an accident, not a case. */
export const longestLine = 256 * 2 ** 20
const newline = 10

export interface Line {
  number: number
  /** Undefined when the line is too long to be read. */
  text: string | undefined
}

/** A file as bytes; `-` is standard input. */
export function openInput(path: string): AsyncIterable<Buffer> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a stream without an encoding gives buffers
  return createReadStream(path, {
    ...(path === '-' && { fd: 0 }),
    highWaterMark: 2 ** 20,
  }) as AsyncIterable<Buffer>
}

/** Why a file could not be read, as one line. */
export function unreadable(path: string, error: unknown): UsageError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const why =
    code === 'ENOENT'
      ? 'not there'
      : code === 'EISDIR'
        ? 'a folder'
        : code === 'EACCES'
          ? 'no permission to read it'
          : String(error).split('\n')[0]
  return new UsageError(`${path}: ${why}, expected a file of records`)
}

/** The lines of a file as they come, one in memory at a time; blank ones are passed over. */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let size = 0
  let number = 0
  const add = (part: Buffer): void => {
    size += part.length
    if (size <= longestLine) parts.push(part)
    else parts = []
  }
  const take = (): Line => {
    number += 1
    const text = size > longestLine ? undefined : Buffer.concat(parts).toString('utf8')
    parts = []
    size = 0
    return { number, text }
  }
  for await (const chunk of readable(path)) {
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      add(chunk.subarray(from, at))
      from = at + 1
      const line = take()
      if (!isBlank(line)) yield line
    }
    add(chunk.subarray(from))
  }
  const last = take()
  if (!isBlank(last)) yield last
}

async function* readable(path: string): AsyncGenerator<Buffer> {
  try {
    yield* openInput(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function isBlank({ text }: Line): boolean {
  return text !== undefined && text.trim() === ''
}
