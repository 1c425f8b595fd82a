import type { ComparableRun } from '../../record/index.ts'

/** An answer whose trace was recorded. */
export interface TracedAnswer {
  traceId: string
  latencyMs: number
}

const most = 3

/** The slowest few of them, slowest first. */
export function pickSlowest(answers: readonly TracedAnswer[]): TracedAnswer[] {
  return answers.toSorted((a, b) => b.latencyMs - a.latencyMs).slice(0, most)
}

/**
 * The slowest traced answers of a step, or of all, over the units of a side: each unit keeps its slowest few as `slowest` of an endpoint.
 *
 * @param step `journey/step`, or null for all
 */
export function slowestTraces(runs: readonly ComparableRun[], step: string | null): TracedAnswer[] {
  const endpoints = runs.flatMap((run) =>
    step === null ? Object.values(run.endpoints) : (run.endpoints[step] ?? []),
  )
  return pickSlowest(
    endpoints.flatMap((endpoint): TracedAnswer[] => {
      const kept: unknown = Reflect.get(endpoint, 'slowest')
      return Array.isArray(kept) ? kept.filter(isTraced) : []
    }),
  )
}

// A record may come from a file.
function isTraced(value: unknown): value is TracedAnswer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'traceId' in value &&
    typeof value.traceId === 'string' &&
    /^[0-9a-f]{32}$/.test(value.traceId) &&
    'latencyMs' in value &&
    typeof value.latencyMs === 'number' &&
    Number.isFinite(value.latencyMs)
  )
}
