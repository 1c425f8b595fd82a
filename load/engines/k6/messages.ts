import { isRequestId } from '../../../journeys/index.ts'
import { addFailureDetails } from '../../engine.ts'
import { toOneLine } from '../../../record/index.ts'
import { requestFailureClasses } from './k6-runtime/metrics.ts'
import type { RequestFailureClass } from './k6-runtime/metrics.ts'
import type { PlayedJourney, PlayedStep, ScriptMessage } from './k6-runtime/wire.ts'

/**
 * Reads a line of k6's log as a message of our script. Undefined for k6's own lines and for text that a
 * journey or a target may have put there: those do not know the nonce. Checked without a schema, since a duet
 * reads hundreds of lines a second.
 */
export function readMessage(line: string, nonce: string): ScriptMessage | undefined {
  if (!line.startsWith(`${nonce} `)) return undefined
  try {
    const message: unknown = JSON.parse(line.slice(nonce.length + 1))
    return isMessage(message) ? message : undefined
  } catch {
    // A line that was cut because it was too long.
    return undefined
  }
}

/** The first failure of a step and class, as reported by the virtual user that met it first. */
export interface FirstFailure {
  atMs: number
  /** Cleaned, at most 200 characters. */
  example: string
  /** Of those that were reported. */
  statuses?: number[]
  requestIds?: string[]
}

/** What a load script has reported so far. */
export interface CollectedMessages {
  add: (message: ScriptMessage) => void
  hasStarted: () => boolean
  /** By step and class. */
  firstFailure: (step: number, failure: RequestFailureClass) => FirstFailure | undefined
  /** The first error that only the author of the journeys can correct. */
  usageError: () => string | undefined
  /** Returns the latencies reported since the last call: those of one iteration in many, over all steps. */
  drainSample: () => number[]
}

/** A busy run reports about a hundred latencies a second; when nothing drains them, the rest is dropped. */
const maxSamples = 10_000
const maxUsageErrorLength = 300

export function collectMessages(): CollectedMessages {
  const firsts = new Map<string, FirstFailure>()
  let hasStarted = false
  let usageError: string | undefined
  let sample: number[] = []
  return {
    add: (message) => {
      switch (message.type) {
        case 'started':
          hasStarted = true
          break
        case 'failure': {
          const key = `${message.step} ${message.class}`
          const known = firsts.get(key)
          const { id } = message
          const first =
            known === undefined || message.atMs < known.atMs
              ? {
                  ...known,
                  atMs: Math.max(0, Math.round(message.atMs)),
                  example: toOneLine(message.example),
                }
              : known
          addFailureDetails(first, message.status, () =>
            id !== undefined && isRequestId(id) ? id : undefined,
          )
          firsts.set(key, first)
          break
        }
        case 'sample':
          if (sample.length < maxSamples) sample.push(...message.latenciesMs)
          break
        case 'usage-error':
          usageError ??= toOneLine(message.problem, maxUsageErrorLength)
          break
        case 'played':
          break
      }
    },
    hasStarted: () => hasStarted,
    firstFailure: (step, failure) => firsts.get(`${step} ${failure}`),
    usageError: () => usageError,
    drainSample: () => {
      const drained = sample
      sample = []
      return drained
    },
  }
}

function isMessage(message: unknown): message is ScriptMessage {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false
  switch (message.type) {
    case 'started':
      return (
        (!('shard' in message) || typeof message.shard === 'string') &&
        (!('clockMs' in message) || typeof message.clockMs === 'number') &&
        (!('segment' in message) || typeof message.segment === 'string')
      )
    case 'played':
      return 'journey' in message && isPlayedJourney(message.journey)
    case 'sample':
      return (
        'latenciesMs' in message &&
        Array.isArray(message.latenciesMs) &&
        message.latenciesMs.every((ms) => typeof ms === 'number')
      )
    case 'usage-error':
      return 'problem' in message && typeof message.problem === 'string'
    case 'failure':
      return (
        'step' in message &&
        typeof message.step === 'number' &&
        'atMs' in message &&
        typeof message.atMs === 'number' &&
        'example' in message &&
        typeof message.example === 'string' &&
        (!('status' in message) || typeof message.status === 'number') &&
        (!('id' in message) || typeof message.id === 'string') &&
        'class' in message &&
        requestFailureClasses.some((known) => known === message.class)
      )
    default:
      return false
  }
}

function isPlayedJourney(value: unknown): value is PlayedJourney {
  if (!Array.isArray(value)) return false
  const fields: unknown[] = value
  const [arrival, journey, beganMs, endedMs, steps, problem] = fields
  return (
    isIndex(arrival) &&
    isIndex(journey) &&
    isAmount(beganMs) &&
    isAmount(endedMs) &&
    Array.isArray(steps) &&
    steps.every(isPlayedStep) &&
    (problem === undefined || typeof problem === 'string')
  )
}

function isPlayedStep(value: unknown): value is PlayedStep {
  if (!Array.isArray(value)) return false
  const fields: unknown[] = value
  const [latencyMs, failure, bytes, serverTiming, traceId] = fields
  return (
    isAmountOrNone(latencyMs) &&
    isIndex(failure) &&
    failure <= requestFailureClasses.length &&
    isAmountOrNone(bytes) &&
    typeof serverTiming === 'string' &&
    (traceId === undefined || (typeof traceId === 'string' && /^[0-9a-f]{32}$/.test(traceId)))
  )
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
