import pino from 'pino'
import type { DestinationStream, Logger } from 'pino'
import type { Config } from '../config/index.ts'
import { LogFiles, streams } from './log-files.ts'
import { redactor } from './redaction.ts'
import type { Secrets } from './redaction.ts'
import type { Stream } from './log-files.ts'

export type Log = Logger

/** Lines are gathered for up to this many milliseconds or 8 KiB: a system call for each would be a tenth of a request. */
const flushMs = 100

export interface LogOptions {
  level: Config['logLevel']
  /** Where each stream has a file for each day; absent: all go to standard output. */
  folder?: string | undefined
  /** What must be in no line. */
  secrets?: Secrets
  now?: () => number
  /** Standard output, unless somebody else wants the lines. */
  output?: Output
}

export interface LogSink {
  log: Log
  /** Writes what is gathered, and ends. */
  close: () => Promise<void>
}

export interface Output {
  write(lines: string): void
  /** Writes what is gathered, soon. */
  flush(): void
  flushSync(): void
}

/** JSON lines with `timestamp`, `level`, `message` and `stream`; the fields are described in the README of this folder's parent. */
export function createLog({
  level,
  folder,
  secrets = {},
  now = Date.now,
  output = standardOutput(),
}: LogOptions): LogSink {
  const files =
    folder === undefined
      ? undefined
      : new LogFiles({
          folder,
          now,
          fallback: (lines) => output.write(lines),
          notice: (at, message, details) => notice(now, at, message, details),
        })
  const redact = redactor(secrets)
  const destination: DestinationStream & Noted = {
    [needsMetadata]: true,
    lastLevel: 0,
    lastObj: undefined,
    write(line) {
      const { stream, error } = lastFields(destination.lastObj)
      // A request that went well has nothing in its line that a caller or an error wrote.
      const safe =
        stream === 'application' && error === undefined && destination.lastLevel <= infoLevel
          ? line
          : redact(line)
      if (files === undefined) output.write(safe)
      else files.write(stream, safe)
    },
  }
  const flush = (): void =>
    files === undefined ? output.flush() : void files.flush().finally(() => output.flush())
  const timer = setInterval(flush, flushMs)
  timer.unref()
  const log = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: stamper(now),
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  const close = async (): Promise<void> => {
    clearInterval(timer)
    await files?.close()
    output.flushSync()
  }
  return { log, close }
}

const infoLevel = 30
const needsMetadata = Symbol.for('pino.metadata')

/** What pino tells a destination about the line that it is about to write. */
interface Noted {
  [needsMetadata]: true
  lastLevel: number
  lastObj: unknown
}

function lastFields(fields: unknown): { stream: Stream; error: unknown } {
  if (typeof fields !== 'object' || fields === null) return { stream: 'application', error: undefined }
  const named = 'stream' in fields ? streams.find((one) => one === fields.stream) : undefined
  return { stream: named ?? 'application', error: 'error' in fields ? fields.error : undefined }
}

function notice(
  now: () => number,
  level: string,
  message: string,
  details: Readonly<Record<string, unknown>>,
): string {
  return `${JSON.stringify({ level, timestamp: new Date(now()).toISOString(), stream: level === 'info' ? 'application' : 'error', ...details, message })}\n`
}

// Made anew once a millisecond: a busy service writes several lines in one.
function stamper(now: () => number): () => string {
  let stampedAt = Number.NaN
  let stamp = ''
  return () => {
    const ms = now()
    if (ms !== stampedAt) {
      stampedAt = ms
      stamp = `,"timestamp":"${new Date(ms).toISOString()}"`
    }
    return stamp
  }
}

function standardOutput(): Output {
  const output = pino.destination({ dest: 1, sync: false, minLength: 8192, maxLength: 64 * 1024 * 1024 })
  output.on('error', () => undefined)
  return {
    write: (lines) => void output.write(lines),
    flush: () => output.flush(),
    flushSync: () => {
      try {
        output.flushSync()
      } catch {
        // Nobody reads our output any more, or it is not open yet.
      }
    },
  }
}
