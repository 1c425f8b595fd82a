import { endpointOf, histogramOf, totalsOf } from '../../../record/index.ts'
import type { Run } from '../../../record/index.ts'

/** What one side of a made-up duet is like. */
export interface SideShape {
  /** Latencies are multiplied by it. */
  slower?: number
  errorShare?: number
  cpuMs?: number
  /** Virtual users it keeps busy. */
  busyUsers?: number
  /** Steps it answers; the others are never reached. */
  steps?: readonly string[]
  server?: Record<string, number>
  /** What each step's answers cost, as the service reports it. */
  reported?: Record<string, number>
}

export interface DuetShape {
  units: number
  baseline?: SideShape
  candidate?: SideShape
  /** Arrivals of each unit that were dropped. */
  droppedArrivals?: number
}

const unitMs = 2500
const perStep = 100
const steps = ['tasks/list', 'tasks/read'] as const

/** Units of a duet as the real one records them, with a little noise that is the same each time. */
export function unitsOf({ units, droppedArrivals = 0, ...shapes }: DuetShape): {
  baseline: Run[]
  candidate: Run[]
} {
  const side = (shape: SideShape, salt: number): Run[] =>
    Array.from({ length: units }, (_, unit) => unitRun(shape, unit, salt, droppedArrivals))
  return { baseline: side(shapes.baseline ?? {}, 1), candidate: side(shapes.candidate ?? {}, 2) }
}

function unitRun(
  {
    slower = 1,
    errorShare = 0,
    cpuMs,
    busyUsers = 0.2,
    steps: reached = steps,
    server = {},
    reported,
  }: SideShape,
  unit: number,
  salt: number,
  droppedArrivals: number,
): Run {
  const noise = 1 + 0.01 * Math.sin(unit * 12.9898 + salt * 78.233)
  const counts = reached.map((step, place) => {
    const latencies = Array.from(
      { length: perStep },
      (_, index) => (1 + place) * slower * noise * (1 + (index / perStep) ** 4),
    )
    return {
      step,
      requests: perStep,
      errors: Math.round(perStep * errorShare),
      histogram: histogramOf(latencies),
      latencySumMs: latencies.reduce((sum, ms) => sum + ms, 0),
    }
  })
  return {
    schema: 'vigil.run/1',
    id: `run-${unit}-${salt}`,
    suite: 'browse-duet',
    engine: 'k6-duet',
    target: { url: 'http://127.0.0.1:1' },
    environment: { fingerprint: 'here' },
    startedAt: '2026-01-01T00:00:00.000Z',
    durationMs: unitMs,
    load: { model: 'arrival-rate', ratePerSecond: 40 },
    totals: totalsOf(counts, 0, unitMs),
    endpoints: Object.fromEntries(
      counts.map(({ step, ...count }) => [
        step,
        { ...endpointOf(count, unitMs), ...(reported && { server: { answers: perStep, ...reported } }) },
      ]),
    ),
    failures:
      errorShare > 0
        ? counts.map(({ step, errors }) => ({ step, class: 'status' as const, count: errors }))
        : [],
    server: { ...(cpuMs !== undefined && { cpuMsPerRequest: cpuMs * noise }), ...server },
    generator: { droppedArrivals, busyUsers },
    validity: { valid: true, reasons: [] },
  }
}
