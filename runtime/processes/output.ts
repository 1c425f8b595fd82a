import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { toOneLine } from '../../record/index.ts'

/** How a child ended. `failed`: it never started (not found, not executable). */
export type ChildEnd =
  | { state: 'exited'; code: number }
  | { state: 'signalled'; signal: NodeJS.Signals }
  | { state: 'failed'; reason: string }

/** How a child ended, to be put after its name: `ended with code 1`. */
export function describeEnd(end: ChildEnd): string {
  switch (end.state) {
    case 'exited':
      return `ended with code ${end.code}`
    case 'signalled':
      return `was ended by ${end.signal}`
    case 'failed':
      return `could not be started: ${end.reason}`
  }
}

/** The last line of an output that is not blank, without control characters; '' when there is none. */
export function lastOutputLine(output: string, maxLength = 300): string {
  const line = output.split('\n').findLast((candidate) => candidate.trim() !== '') ?? ''
  return toOneLine(line, maxLength)
}

/** How much of a child's output is kept for messages. */
export const tailBytes = 4096
const maxLineLength = 8192

/** Splits a child's stream into lines, each cut at 8 KiB, the last one too when no line feed ends it. */
export function readLines(
  stream: Readable,
  onLine: (line: string) => void,
  onChunk: (chunk: string) => void,
): void {
  let pending = ''
  stream.setEncoding('utf8')
  stream.on('error', () => undefined)
  stream.on('data', (chunk: string) => {
    onChunk(chunk)
    const lines = (pending + chunk).split('\n')
    pending = (lines.pop() ?? '').slice(0, maxLineLength)
    for (const line of lines) onLine(line.slice(0, maxLineLength))
  })
  stream.on('end', () => {
    if (pending !== '') onLine(pending)
  })
}

/** The last 4 KiB of a file. */
export function readTail(file: string): string {
  const handle = openSync(file, 'r')
  try {
    const { size } = fstatSync(handle)
    const buffer = Buffer.alloc(Math.min(size, tailBytes))
    const read = readSync(handle, buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString('utf8', 0, read)
  } finally {
    closeSync(handle)
  }
}
