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

/** What a runtime prints after the cause of a crash: frames, marks, its version, and what started it. */
const noise = new RegExp(
  [
    String.raw`^\s|^[\^{}[\],]+$|ELIFECYCLE`,
    String.raw`^(Node\.js v\d|Bun v\d|npm (ERR!|error)|error Command failed|exit status \d|goroutine \d|at )`,
  ].join('|'),
)

/** A line that names the cause: an exception of Node, Python, Java, Go, Rust or Deno, or a fatal log line. */
const cause = new RegExp(
  [
    String.raw`^(Uncaught |Caused by: )?([\w.$]+\.)?\w*(Error|Exception)\b`,
    String.raw`^(error|panic|fatal error|fatal|FATAL|PANIC)\b`,
    String.raw`^thread '.*' panicked at|^\S+:\d+:in `,
  ].join('|'),
)

/**
 * The line of an output that says why a program ended: its last error message, else its last line that is
 * not blank. Without control characters; '' when there is none.
 */
export function findCauseLine(output: string, maxLength = 300): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const candidates = lines.filter((line) => !noise.test(line))
  const at = candidates.findLastIndex((line) => cause.test(line))
  // Rust prints the message on the line after the place.
  const message = candidates[at]?.startsWith('thread ')
    ? `${candidates[at]} ${candidates[at + 1] ?? ''}`
    : candidates[at]
  return toOneLine((message ?? candidates.at(-1) ?? lines.at(-1) ?? '').trim(), maxLength)
}

/** How much of a child's output is kept for messages: the stack of a crash follows its cause. */
export const tailBytes = 16_384
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

/** The end of a file. */
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
