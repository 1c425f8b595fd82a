import pino from 'pino'
import type { Logger } from 'pino'
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

interface Output {
  write: (lines: string) => unknown
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
  const format = {
    base: null,
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${new Date(now()).toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const fallback = (lines: string): void => void output.write(lines)
  const files =
    folder === undefined
      ? undefined
      : new LogFiles({ folder, now, fallback, notices: pino(format, { write: fallback }) })
  const flush = (): void =>
    files === undefined ? output.flush() : void files.flush().finally(() => output.flush())
  const timer = setInterval(flush, flushMs)
  timer.unref()
  const close = async (): Promise<void> => {
    clearInterval(timer)
    await files?.close()
    try {
      output.flushSync()
    } catch {
      // Standard output is closed, or not open yet.
    }
  }
  const write = (stream: Stream, line: string): void =>
    files === undefined ? fallback(line) : files.write(stream, line)
  return { log: pino({ level, ...format }, createDestination(createRedactor(secrets), write)), close }
}

const infoLevel = 30

function createDestination(redact: (line: string) => string, write: (stream: Stream, line: string) => void) {
  return {
    // With this, pino sets the level and the fields of a line before it writes the line.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    lastObj: {},
    write(line: string): void {
      const { stream, error }: { stream?: unknown; error?: unknown } = this.lastObj
      const name = isStream(stream) ? stream : 'application'
      // The line of a successful request contains no text from a caller or an error.
      const isSafe = name === 'application' && error === undefined && this.lastLevel <= infoLevel
      write(name, isSafe ? line : redact(line))
    },
  }
}

function openStandardOutput(): Output {
  const output = pino.destination({ dest: 1, sync: false, minLength: 8192, maxLength: 64 * 1024 * 1024 })
  output.on('error', () => undefined)
  return output
}
