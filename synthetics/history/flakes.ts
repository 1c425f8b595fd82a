import type { ProbeResult } from '../../record/index.ts'

/** How often a step flaked: it failed, and passed when the journey was repeated immediately. */
export interface StepFlakes {
  step: string
  /** Runs that reached this step. */
  runs: number
  /** Runs that passed only on a retry, after this step had failed. */
  flaked: number
}

/** Counts flakes incrementally, so that the length of the history does not matter. */
export function createFlakeCounter(): {
  add: (result: ProbeResult) => void
  addAll: (steps: readonly StepFlakes[]) => void
  steps: () => StepFlakes[]
} {
  const byStep = new Map<string, StepFlakes>()
  const countersFor = (step: string): StepFlakes => {
    const found = byStep.get(step) ?? { step, runs: 0, flaked: 0 }
    byStep.set(step, found)
    return found
  }
  return {
    add: (result) => {
      // A stalled prober or an interrupted run says nothing about the steps.
      if (result.outcome === 'unknown') return
      for (const { step } of result.steps) countersFor(step).runs += 1
      for (const step of findFlakedSteps(result)) countersFor(step).flaked += 1
    },
    addAll: (steps) => {
      for (const { step, runs, flaked } of steps) {
        const counters = countersFor(step)
        counters.runs += runs
        counters.flaked += flaked
      }
    },
    steps: () => [...byStep.values()].map((step) => ({ ...step, runs: Math.max(step.runs, step.flaked) })),
  }
}

/** Finds the steps that failed in attempts before the one that passed. */
function findFlakedSteps({ outcome, earlier = [] }: ProbeResult): Set<string> {
  return new Set(outcome === 'degraded' ? earlier.map(({ step }) => step) : [])
}
