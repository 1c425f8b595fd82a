import { createReadStream } from 'node:fs'
import { exitCodes } from '../exit-codes.ts'
import { UsageError } from './world.ts'
import type { World } from './world.ts'
import { examineHistory } from '../../baselines/change-points/index.ts'
import type { ChangePointOptions } from '../../baselines/change-points/index.ts'
import { checkRuns, compareRuns } from '../../baselines/compare/index.ts'
import type { ComparisonOptions } from '../../baselines/compare/index.ts'
import { checkComparableRun, jsonOf } from '../../record/documents/index.ts'
import { decodeLine, TextError, toUtf8 } from '../../record/store/index.ts'
import type { ComparableRun } from '../../record/index.ts'
import { cleanText } from '../../reports/wording/index.ts'

/**
 * Judges a file with one case per line, and prints one document per line, in order, with the `id` of its
 * case. An invalid line does not stop the batch: its document says so, stderr names file and line, and the
 * exit code is 2. Otherwise the exit code is 0, whatever the documents say. (Workers were tried: sending
 * lines to them costs as much as they save.)
 */
export async function runBatch(path: string, world: World, job: BatchJob): Promise<number> {
  let bad = 0
  let lines = 0
  for await (const { number, text, problem: unreadable } of linesOf(path)) {
    if (world.interrupted.aborted) break
    lines += 1
    const where = `${path}:${number}`
    const { output, problem } =
      text === undefined ? toInvalidResult(job, null, unreadable ?? where) : judgeLine(job, where, text)
    if (problem !== undefined) {
      bad += 1
      world.stderr(`vigil: ${problem}\n`)
    }
    world.stdout(`${output}\n`)
  }
  if (lines === 0 && !world.interrupted.aborted)
    throw new UsageError(`${path}: empty, expected one case per line`)
  return bad > 0 ? exitCodes.usageError.code : exitCodes.pass.code
}

/** What to do with every line of a batch. */
export type BatchJob =
  | { kind: 'compare'; comparison: ComparisonOptions }
  | { kind: 'history'; changePoints: ChangePointOptions }

/** The result of a line: the line to print, and its problem if it was invalid. */
export interface LineResult {
  output: string
  problem?: string
}

type Judgement = { state: 'ok'; document: object } | { state: 'invalid'; problem: string }
type Fields = Readonly<Record<string, unknown>>

/**
 * Judges one line of a batch. `where`: file and line, for the problem. The output always has the `id` of its
 * case.
 */
export function judgeLine(job: BatchJob, where: string, text: string): LineResult {
  const json = jsonOf(text)
  if (json.state === 'invalid')
    return toInvalidResult(job, null, `${where}: not JSON (${json.problem}), expected one case per line`)
  if (!isRecord(json.value))
    return toInvalidResult(
      job,
      null,
      `${where}: found ${Array.isArray(json.value) ? 'an array' : typeof json.value}, expected an ` +
        'object with an id',
    )
  const { id = null, ...fields } = json.value
  const judged =
    job.kind === 'compare'
      ? judgeComparison(fields, where, job.comparison)
      : judgeSeries(fields, where, job.changePoints)
  return judged.state === 'invalid'
    ? toInvalidResult(job, id, judged.problem)
    : { output: JSON.stringify({ id, ...judged.document }) }
}

/** The result of a line that could not be judged: never a pass, and never no output. */
export function toInvalidResult({ kind }: BatchJob, id: unknown, why: string): LineResult {
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

function judgeComparison(fields: Fields, where: string, comparison: ComparisonOptions): Judgement {
  const baseline = checkRuns(fields['baseline'], `${where}: baseline`)
  if (baseline.state === 'invalid') return { state: 'invalid', problem: baseline.problem }
  const candidate = checkRuns(fields['candidate'], `${where}: candidate`)
  if (candidate.state === 'invalid') return { state: 'invalid', problem: candidate.problem }
  return { state: 'ok', document: compareRuns(baseline.runs, candidate.runs, comparison) }
}

function judgeSeries(fields: Fields, where: string, changePoints: ChangePointOptions): Judgement {
  const series: unknown = fields['series']
  if (!Array.isArray(series))
    return {
      state: 'invalid',
      problem:
        `${where}: series: found ${series === null ? 'null' : typeof series}, expected an array of ` +
        'vigil.run/1 records',
    }
  const runs: (ComparableRun | null)[] = []
  for (const [index, value] of series.entries()) {
    // A gap keeps its place in the series.
    const checked =
      value === null
        ? { state: 'ok' as const, run: null }
        : checkComparableRun(value, `${where}: series[${index}]`)
    if (checked.state === 'invalid') return { state: 'invalid', problem: checked.problem }
    runs.push(checked.run)
  }
  const { changes, drifts } = examineHistory(runs, changePoints)
  return {
    state: 'ok',
    document: {
      changes: changes.map(({ within: _within, ...change }) => change),
      ...(drifts.length > 0 && { drifts }),
    },
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A longer line, in bytes, is an accident, not a case. */
export const longestLine = 256 * 2 ** 20
const newline = 10

export interface Line {
  number: number
  /** Undefined if the line cannot be read. */
  text: string | undefined
  /** Why it cannot be read, with its place. */
  problem?: string
}

/** The bytes of a file; `-` is standard input. */
export function openInput(path: string): AsyncIterable<Buffer> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without an encoding, chunks are buffers
  return createReadStream(path, {
    ...(path === '-' && { fd: 0 }),
    highWaterMark: 2 ** 20,
  }) as AsyncIterable<Buffer>
}

/** The usage error for a file that could not be read. */
export function toReadError(path: string, error: unknown): UsageError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const why =
    code === 'ENOENT'
      ? 'not found'
      : code === 'EISDIR'
        ? 'a folder'
        : code === 'EACCES'
          ? 'no permission to read it'
          : String(error).split('\n')[0]
  return new UsageError(`${path}: ${why}, expected a file of records`)
}

/** Reads a file line by line, keeping one in memory. Skips blank lines. */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let size = 0
  let number = 0
  const add = (part: Buffer): void => {
    size += part.length
    if (size <= longestLine) parts.push(part)
    else parts = []
  }
  const finishLine = (): Line => {
    number += 1
    const line = toLine(parts, size, `${path}:${number}`)
    parts = []
    size = 0
    return { number, ...line }
  }
  for await (const chunk of readable(path)) {
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      add(chunk.subarray(from, at))
      from = at + 1
      const line = finishLine()
      if (!isBlank(line)) yield line
    }
    add(chunk.subarray(from))
  }
  const last = finishLine()
  if (!isBlank(last)) yield last
}

function toLine(parts: readonly Buffer[], size: number, where: string): Omit<Line, 'number'> {
  if (size > longestLine)
    return {
      text: undefined,
      problem: `${where}: longer than ${longestLine} bytes, expected one case per line`,
    }
  try {
    return { text: decodeLine(Buffer.concat(parts), where) }
  } catch (error) {
    if (error instanceof TextError) return { text: undefined, problem: error.message }
    throw error
  }
}

async function* readable(path: string): AsyncGenerator<Buffer> {
  try {
    yield* toUtf8(openInput(path), path)
  } catch (error) {
    if (error instanceof TextError) throw new UsageError(error.message)
    throw toReadError(path, error)
  }
}

function isBlank({ text }: Line): boolean {
  return text !== undefined && text.trim() === ''
}
