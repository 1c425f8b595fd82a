import exec from 'k6/execution'
import { Counter, Trend } from 'k6/metrics'
import { clientLimit } from './answer.ts'
import { clientLimits, metricNames, requestFailureClasses } from './wire.ts'
import type { RequestFailureClass, ScriptMessage } from './wire.ts'

/** Runs inside k6: the metrics of one step. Metrics can only be made while a script is loaded, so all are. */
export interface StepRecorder {
  /** `journey/step` */
  key: string
  /** Milliseconds of each answered request. */
  latency: Trend
  failed: (measured: boolean, failure: RequestFailureClass, problem: string) => void
  unanswered: (measured: boolean, failure: RequestFailureClass, problem: string) => void
}

const errors = new Counter(metricNames.errors)
const limits = Object.fromEntries(clientLimits.map((limit) => [limit, new Counter(metricNames.limit(limit))]))

export const lateness = new Trend(metricNames.lateness)

export function recorderOf(key: string, step: number, warmupMs: number, say: (message: ScriptMessage) => void): StepRecorder {
  const latency = new Trend(metricNames.latency(step))
  const unanswered = new Counter(metricNames.unanswered(step))
  const failures = Object.fromEntries(requestFailureClasses.map((failure) => [failure, new Counter(metricNames.failed(step, failure))]))
  // One line for each virtual user and class at most: the first of all is among them, and a storm of failures is no storm of lines.
  const told = new Set<RequestFailureClass>()
  const failed = (measured: boolean, failure: RequestFailureClass, problem: string): void => {
    errors.add(1)
    if (!measured) return
    failures[failure]?.add(1)
    if (told.has(failure)) return
    told.add(failure)
    say({ say: 'failure', step, class: failure, atMs: exec.instance.currentTestRunDuration - warmupMs, example: problem.slice(0, 400) })
  }
  return {
    key,
    latency,
    failed,
    unanswered: (measured, failure, problem) => {
      if (measured) {
        unanswered.add(1)
        const limit = clientLimit(problem)
        if (limit !== undefined) limits[limit]?.add(1)
      }
      failed(measured, failure, problem)
    },
  }
}
