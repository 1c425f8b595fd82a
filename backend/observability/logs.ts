import pino from 'pino'
import type { DestinationStream, Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { isStream, LogFiles } from './log-files.ts'
import { createRedactor } from './redaction.ts'
import type { Secrets } from './redaction.ts'
import type { Stream } from './log-files.ts'

export type Log = Logger

/**
 * Lines are collected for up to 100 ms or 8 KiB: a system call per line would take a tenth of a request's
 * time.
 */
const flushMs = 100

export interface LogOptions {
  level: Config['logLevel']
  /** The folder with one file per stream and day. Absent: all lines go to standard output. */
  folder?: string | undefined
  /** Secrets that no line may contain. */
  secrets?: Secrets
  now?: () => number
  /** Default: standard output. */
  output?: Output
}

export interface LogSink {
  log: Log
  /** Writes the collected lines and closes the log. */
  close: () => Promise<void>
}

export interface Output {
  write: (lines: string) => void
  /** Starts to write the collected lines. */
  flush: () => void
  flushSync: () => void
}

/**
 * Creates a log of JSON lines with `timestamp`, `level`, `message` and `stream`. The README of the backend
 * describes the fields.
 */
export function createLog({
  level,
  folder,
  secrets = {},
  now = Date.now,
  output = openStandardOutput(),
}: LogOptions): LogSink {
  const files =
    folder === undefined
      ? undefined
      : new LogFiles({
          folder,
          now,
          fallback: (lines) => output.write(lines),
          notice: (at, message, details) => formatNotice(now, at, message, details),
        })
  const redact = createRedactor(secrets)
  const destination: DestinationStream & LineMetadata = {
    [needsMetadata]: true,
    lastLevel: 0,
    lastObj: undefined,
    write(line) {
      const { stream, error } = toLastFields(destination.lastObj)
      // The line of a successful request contains no text from a caller or an error.
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
      timestamp: () => `,"timestamp":"${new Date(now()).toISOString()}"`,
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

/** Metadata that pino sets on a destination before it writes a line. */
interface LineMetadata {
  [needsMetadata]: true
  lastLevel: number
  lastObj: unknown
}

function toLastFields(fields: unknown): { stream: Stream; error: unknown } {
  const { stream, error }: { stream?: unknown; error?: unknown } = Object(fields)
  return { stream: isStream(stream) ? stream : 'application', error }
}

function formatNotice(
  now: () => number,
  level: string,
  message: string,
  details: Readonly<Record<string, unknown>>,
): string {
  const stream = level === 'info' ? 'application' : 'error'
  const timestamp = new Date(now()).toISOString()
  return `${JSON.stringify({ level, timestamp, stream, ...details, message })}\n`
}

function openStandardOutput(): Output {
  const output = pino.destination({ dest: 1, sync: false, minLength: 8192, maxLength: 64 * 1024 * 1024 })
  output.on('error', () => undefined)
  return {
    write: (lines) => void output.write(lines),
    flush: () => output.flush(),
    flushSync: () => {
      try {
        output.flushSync()
      } catch {
        // Standard output is closed, or not open yet.
      }
    },
  }
}
