import type { ProbeResult } from '../../record/index.ts'

/** How often a step failed although nothing was wrong: it passed when the journey was tried again at once. */
export interface StepFlakes {
  step: string
  /** Runs that came to this step. */
  runs: number
  /** Runs that passed only on a retry, after this step had failed. */
  flaked: number
}

/** Counts flakes over results one by one, so that no history is too long for it. */
export function flakeCounter(): { add: (result: ProbeResult) => void; steps: () => StepFlakes[] } {
  const byStep = new Map<string, StepFlakes>()
  const of = (step: string): StepFlakes => {
    const found = byStep.get(step) ?? { step, runs: 0, flaked: 0 }
    byStep.set(step, found)
    return found
  }
  return {
    add: (result) => {
      // Of a prober that stood still, or a run that was interrupted, nothing is learned.
      if (result.outcome === 'unknown') return
      for (const { step } of result.steps) of(step).runs += 1
      for (const step of flakedSteps(result)) of(step).flaked += 1
    },
    steps: () => [...byStep.values()].map((step) => ({ ...step, runs: Math.max(step.runs, step.flaked) })),
  }
}

/** The steps that failed at attempts before the one that passed. */
function flakedSteps({ outcome, earlier = [] }: ProbeResult): Set<string> {
  return new Set(outcome === 'degraded' ? earlier.map(({ step }) => step) : [])
}
