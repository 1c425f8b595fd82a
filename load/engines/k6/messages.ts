import { toOneLine } from '../../../record/index.ts'
import { requestFailureClasses } from './k6-runtime/wire.ts'
import type { RequestFailureClass, ScriptMessage } from './k6-runtime/wire.ts'

/** The first failure of a step and class, as the virtual user told it that met it first. */
export interface FirstFailure {
  atMs: number
  /** Cleaned, at most 200 characters. */
  example: string
}

export interface Messages {
  /** By step and class. */
  first: (step: number, failure: RequestFailureClass) => FirstFailure | undefined
  /** What the user's journeys did that they must not; the first of it. */
  misuse: () => string | undefined
  /** Latencies told since this was last called: one in so many, over all steps. */
  takeSample: () => number[]
  /** One line of k6's log. Lines without the nonce are k6's own, or a journey's. */
  read: (line: string) => void
}

/** A busy run tells about a hundred latencies a second; nobody need take them. */
const mostSamples = 10_000

/** Listens to what our script says on k6's log. */
export function listen(nonce: string, on: { started: () => void }): Messages {
  const firsts = new Map<string, FirstFailure>()
  let misuse: string | undefined
  let sample: number[] = []
  const hear = (message: ScriptMessage): void => {
    switch (message.say) {
      case 'started':
        on.started()
        break
      case 'failure': {
        const key = `${message.step} ${message.class}`
        const known = firsts.get(key)
        if (known === undefined || message.atMs < known.atMs)
          firsts.set(key, {
            atMs: Math.max(0, Math.round(message.atMs)),
            example: toOneLine(message.example),
          })
        break
      }
      case 'sample':
        if (sample.length < mostSamples) sample.push(...message.latenciesMs)
        break
      case 'usage-error':
        misuse ??= toOneLine(message.problem, 300)
        break
      case 'ended':
        break
    }
  }
  return {
    first: (step, failure) => firsts.get(`${step} ${failure}`),
    misuse: () => misuse,
    takeSample: () => {
      const taken = sample
      sample = []
      return taken
    },
    read: (line) => {
      const message = parse(line, nonce)
      if (message !== undefined) hear(message)
    },
  }
}

function parse(line: string, nonce: string): ScriptMessage | undefined {
  if (!line.startsWith(`${nonce} `)) return undefined
  try {
    const message: unknown = JSON.parse(line.slice(nonce.length + 1))
    return isMessage(message) ? message : undefined
  } catch {
    // A line that was cut, because it was too long: there are others.
    return undefined
  }
}

function isMessage(message: unknown): message is ScriptMessage {
  if (typeof message !== 'object' || message === null || !('say' in message)) return false
  switch (message.say) {
    case 'started':
    case 'ended':
      return true
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
        'class' in message &&
        requestFailureClasses.some((known) => known === message.class)
      )
    default:
      return false
  }
}
