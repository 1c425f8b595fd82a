import exec from 'k6/execution'
import { Counter, Trend } from 'k6/metrics'
import { clientLimit } from './answer.ts'
import { metricNames } from './wire.ts'
import type { RequestFailureClass, ScriptMessage, ScriptPlan } from './wire.ts'

/** Runs inside k6: what is counted at one step. */
export interface StepRecorder {
  /** `journey/step` */
  key: string
  /** Milliseconds of each answered request. */
  latency: Trend
  failed: (measured: boolean, failure: RequestFailureClass, problem: string) => void
  unanswered: (measured: boolean, failure: RequestFailureClass, problem: string) => void
}

// Metrics can only be made while a script is loaded, so all are.
const failures = new Counter(metricNames.failed)
const silences = new Counter(metricNames.unanswered)
const limits = {
  files: new Counter(metricNames.limit('files')),
  ports: new Counter(metricNames.limit('ports')),
}

export const warmups = new Counter(metricNames.warmups)
export const lateness = new Trend(metricNames.lateness)

/**
 * Milliseconds since the measurement began; negative in the warm-up. From the scenario's own progress: the run's clock
 * begins earlier, before `setup`.
 */
export function sinceMeasured({ warmupMs, durationMs }: ScriptPlan, scenario: typeof exec.scenario): number {
  return scenario.progress * (warmupMs + durationMs) - warmupMs
}

export function recorderOf(
  key: string,
  plan: ScriptPlan,
  say: (message: ScriptMessage) => void,
): StepRecorder {
  const step = plan.steps.indexOf(key)
  // One line for each virtual user and class at most: the first of all is among them, and a storm of failures is no storm of lines.
  const told = new Set<RequestFailureClass>()
  const failed = (measured: boolean, failure: RequestFailureClass, problem: string): void => {
    if (!measured) return
    failures.add(1, { step: String(step), class: failure })
    if (told.has(failure)) return
    told.add(failure)
    say({
      say: 'failure',
      step,
      class: failure,
      atMs: sinceMeasured(plan, exec.scenario),
      example: problem.slice(0, 400),
    })
  }
  const unanswered = (measured: boolean, failure: RequestFailureClass, problem: string): void => {
    failed(measured, failure, problem)
    if (!measured) return
    silences.add(1, { step: String(step) })
    const limit = clientLimit(problem)
    if (limit !== undefined) limits[limit].add(1)
  }
  return { key, latency: new Trend(metricNames.latency(step)), failed, unanswered }
}
