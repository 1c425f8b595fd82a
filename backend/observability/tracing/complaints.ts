import { diag, DiagLogLevel } from '@opentelemetry/api'
import { setGlobalErrorHandler } from '@opentelemetry/core'
import type { Log } from '../logs.ts'

const quietMs = 60_000
const maxReason = 200

/**
 * Says that telemetry is being lost, at most once a minute however often it happens: a collector that is down must not
 * fill the log of a service that is well. Made by hand from what the library reports, which may hold a collector's answer.
 */
export class Complaints {
  readonly #log: Log
  readonly #now: () => number
  /** Of the monotonic clock. */
  #saidAt = Number.NEGATIVE_INFINITY
  #unsaid = 0

  constructor(log: Log, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /** Notes one failure; the first is logged at once, those of the following minute only counted. */
  note(error: unknown): void {
    if (this.#now() - this.#saidAt < quietMs) {
      this.#unsaid += 1
      return
    }
    this.#saidAt = this.#now()
    this.#log.warn(
      {
        stream: 'application',
        reason: reasonOf(error),
        ...(this.#unsaid > 0 && { failuresSince: this.#unsaid }),
      },
      'telemetry was not delivered',
    )
    this.#unsaid = 0
  }
}

const ignore = (): void => undefined

/** Has the library report to `complaints`: failed exports as errors, full queues and refused parts as warnings. */
export function listenToLibrary(complaints: Complaints): { stop: () => void } {
  setGlobalErrorHandler((error) => complaints.note(error))
  const note = (message: string): void => complaints.note(message)
  diag.setLogger(
    { error: note, warn: note, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  return {
    stop: () => {
      diag.disable()
      setGlobalErrorHandler(ignore)
    },
  }
}

// One line, bounded: a collector's status text can be part of it.
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message : String(error)
  const reason = [code, message]
    .filter((part) => part !== '')
    .join(': ')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
  return reason.length > maxReason ? `${reason.slice(0, maxReason)}…` : reason
}
