import { createReadStream } from 'node:fs'
import { UsageError } from '../../shared/world.ts'

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
