import { toOneLine } from '../../record/index.ts'
import { requestFailureClasses } from '../engines/k6/k6-runtime/wire.ts'
import type { DuetMessage, Played, PlayedStep } from './inside/wire.ts'

/** Reads a line of k6's log as a message of our script; undefined for k6's own lines, and for what a target may have put there. */
export function readMessage(line: string, nonce: string): DuetMessage | undefined {
  if (!line.startsWith(`${nonce} `)) return undefined
  try {
    const message: unknown = JSON.parse(line.slice(nonce.length + 1))
    return messageOf(message)
  } catch {
    // A line that was cut because it was too long.
    return undefined
  }
}

function messageOf(message: unknown): DuetMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  if ('started' in message) return { started: true }
  if ('misused' in message && typeof message.misused === 'string')
    return { misused: toOneLine(message.misused, 300) }
  if ('played' in message && isPlayed(message.played)) return { played: message.played }
  return undefined
}

function isPlayed(value: unknown): value is Played {
  if (!Array.isArray(value)) return false
  const fields: unknown[] = value
  const [arrival, journey, beganMs, endedMs, steps, problem] = fields
  return (
    isIndex(arrival) &&
    isIndex(journey) &&
    isAmount(beganMs) &&
    isAmount(endedMs) &&
    Array.isArray(steps) &&
    steps.every(isStep) &&
    (problem === undefined || typeof problem === 'string')
  )
}

function isStep(value: unknown): value is PlayedStep {
  if (!Array.isArray(value)) return false
  const fields: unknown[] = value
  const [latencyMs, failure, bytes, timing, traceId] = fields
  return (
    isAmountOrNone(latencyMs) &&
    isIndex(failure) &&
    failure <= requestFailureClasses.length &&
    isAmountOrNone(bytes) &&
    typeof timing === 'string' &&
    (traceId === undefined || isTraceId(traceId))
  )
}

function isTraceId(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isAmount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function isAmountOrNone(value: unknown): boolean {
  return value === -1 || isAmount(value)
}
