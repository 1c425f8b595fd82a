import { createReadStream } from 'node:fs'
import { jsonOf } from '../../baselines/compare/index.ts'
import { plain } from '../../reports/wording/index.ts'
import { exitCodes } from '../exit-codes.ts'
import { Misuse } from '../world.ts'
import type { World } from '../world.ts'

/** A line of this many bytes is an accident, not a case. */
const longestLine = 256 * 2 ** 20
const newline = 10

interface Line {
  number: number
  /** Undefined when the line is too long to be read. */
  text: string | undefined
}

/** A file as bytes; `-` is standard input. */
export function openInput(path: string): AsyncIterable<Buffer> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a stream without an encoding gives buffers
  return createReadStream(path, { ...(path === '-' && { fd: 0 }), highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>
}

/** Why a file could not be read, as one line. */
export function unreadable(path: string, error: unknown): Misuse {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const why = code === 'ENOENT' ? 'not there' : code === 'EISDIR' ? 'a folder' : code === 'EACCES' ? 'no permission to read it' : String(error).split('\n')[0]
  return new Misuse(`${path}: ${why}, expected a file of records`)
}

/** The lines of a file as they come, one in memory at a time; blank ones are passed over. */
async function* linesOf(path: string): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let size = 0
  let number = 0
  const take = (): Line => {
    number += 1
    const text = size > longestLine ? undefined : Buffer.concat(parts).toString('utf8')
    parts = []
    size = 0
    return { number, text }
  }
  const add = (part: Buffer): void => {
    size += part.length
    if (size <= longestLine) parts.push(part)
    else parts = []
  }
  for await (const chunk of openInput(path)) {
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      add(chunk.subarray(from, at))
      from = at + 1
      const line = take()
      if (line.text === undefined || line.text.trim() !== '') yield line
    }
    add(chunk.subarray(from))
  }
  if (size > 0) {
    const line = take()
    if (line.text === undefined || line.text.trim() !== '') yield line
  }
}

/** One case of a batch: what its line holds, and how it is named in problems. */
export interface BatchCase {
  id: unknown
  fields: Readonly<Record<string, unknown>>
  /** File and line. */
  where: string
}

/** What a case came to: a document to print, or what is wrong with it. */
export type Judged = { state: 'judged'; document: object } | { state: 'refused'; problem: string }

/**
 * Judges a file of cases, one a line, and prints one document a line, in order, each with its case's `id`. A long batch is not lost to one
 * bad line: `refused` makes the document for it, the problem goes to stderr with file and line, and the exit code is 2 in the end;
 * otherwise it is 0, whatever was found, because the findings are the documents.
 */
export async function runBatch(path: string, world: World, judge: (one: BatchCase) => Judged, refused: (problem: string) => object): Promise<number> {
  let bad = 0
  let lines = 0
  try {
    for await (const line of linesOf(path)) {
      if (world.interrupted.aborted) break
      lines += 1
      const { id, outcome } = judgeLine(line, `${path}:${line.number}`, judge)
      if (outcome.state === 'refused') {
        bad += 1
        world.stderr(`vigil: ${plain(outcome.problem)}\n`)
      }
      world.stdout(`${JSON.stringify({ id, ...(outcome.state === 'judged' ? outcome.document : refused(outcome.problem)) })}\n`)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw unreadable(path, error)
    throw error
  }
  if (lines === 0 && !world.interrupted.aborted) throw new Misuse(`${path}: empty, expected one case a line`)
  return bad > 0 ? exitCodes.misuse.code : exitCodes.pass.code
}

function judgeLine({ text }: Line, where: string, judge: (one: BatchCase) => Judged): { id: unknown; outcome: Judged } {
  if (text === undefined) return { id: null, outcome: { state: 'refused', problem: `${where}: longer than ${longestLine} bytes, expected one case a line` } }
  const json = jsonOf(text)
  if (json.state === 'refused') return { id: null, outcome: { state: 'refused', problem: `${where}: not JSON (${json.problem}), expected one case a line` } }
  if (!isRecord(json.value)) return { id: null, outcome: { state: 'refused', problem: `${where}: found ${Array.isArray(json.value) ? 'an array' : typeof json.value}, expected an object with an id` } }
  const { id = null, ...fields } = json.value
  return { id, outcome: judge({ id, fields, where }) }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
