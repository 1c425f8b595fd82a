import pino, { type DestinationStream, type Logger } from 'pino'
import type { Config } from '../config/index.ts'

/** Which of the four streams a line belongs to; each is kept for a time of its own. */
export type Stream = 'application' | 'security' | 'audit' | 'error'

export type Log = Logger

/** Lines are gathered for up to this many milliseconds or 8 KiB: a system call for each would be a tenth of a request. */
const flushMs = 100

export interface LogSink {
  log: Log
  /** Writes what is gathered. */
  flush: () => void
}

/** JSON lines with `timestamp`, `level`, `message` and `stream` on standard output. */
export function createLog(level: Config['logLevel'], onLine?: (line: string) => void): LogSink {
  const output = pino.destination({ dest: 1, sync: false, minLength: 8192, maxLength: 64 * 1024 * 1024 })
  output.on('error', () => undefined)
  const timer = setInterval(() => output.flush(), flushMs)
  timer.unref()
  const destination: DestinationStream = onLine === undefined ? output : both(output, onLine)
  const log = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return { log, flush: (): void => flushNow(output) }
}

let stampedAt = 0
let stamp = ''

// Made anew once a millisecond: a busy service writes several lines in one.
function timestamp(): string {
  const now = Date.now()
  if (now !== stampedAt) {
    stampedAt = now
    stamp = `,"timestamp":"${new Date(now).toISOString()}"`
  }
  return stamp
}

function both(output: DestinationStream, onLine: (line: string) => void): DestinationStream {
  return {
    write(line) {
      output.write(line)
      onLine(line)
    },
  }
}

function flushNow(output: ReturnType<typeof pino.destination>): void {
  try {
    output.flushSync()
  } catch {
    // Nobody reads our output any more, or it is not open yet.
  }
}
