import type { ProbesReport } from '../../../record/index.ts'
import type { ReportInput } from '../../input.ts'
import { runReport } from './build.ts'
import type { RunSpec, StepSpec } from './build.ts'
import { gateOf } from './gate.ts'

export const calmSteps: Record<string, StepSpec> = {
  'task-crud/create': { requests: 2400, medianMs: 6.2, spread: 0.34, slowShare: 0.01, slowMs: 40 },
  'task-crud/read': { requests: 2400, medianMs: 3.1, spread: 0.3 },
  'task-crud/list': { requests: 2400, medianMs: 9.4, spread: 0.42, slowShare: 0.02, slowMs: 60 },
  'task-crud/update': { requests: 2400, medianMs: 6.8, spread: 0.33 },
  'task-crud/complete': { requests: 2400, medianMs: 6.5, spread: 0.33 },
  'task-crud/delete': { requests: 2400, medianMs: 4.9, spread: 0.31, slowShare: 0.004, slowMs: 180 },
}

export const calm: RunSpec = { suite: 'steady', steps: calmSteps }

export const probesUp: ProbesReport = {
  schema: 'vigil.probes/1',
  probes: [
    {
      name: 'health',
      outcome: 'up',
      startedAt: '2026-11-24T09:12:20.000Z',
      durationMs: 4.2,
      attempts: 1,
      steps: [{ step: 'get', ok: true, status: 200, durationMs: 4.2 }],
    },
    {
      name: 'auth-flow',
      outcome: 'up',
      startedAt: '2026-11-24T09:12:20.010Z',
      durationMs: 131,
      attempts: 1,
      steps: [
        { step: 'register', ok: true, status: 201, durationMs: 68.4 },
        { step: 'login', ok: true, status: 200, durationMs: 58.1 },
        { step: 'me', ok: true, status: 200, durationMs: 4.5 },
      ],
    },
  ],
}

/** Everything kept: two suites and two probes. */
export function passing(): ReportInput {
  return gateOf({
    runs: [
      runReport(calm),
      runReport({
        suite: 'capacity',
        engine: 'autocannon',
        seconds: 30,
        load: { model: 'connections', connections: 32 },
        seed: 11,
        steps: {
          'health/get': { requests: 9000, medianMs: 1.2, spread: 0.3 },
          'task-crud/list': { requests: 9000, medianMs: 24, spread: 0.4, slowShare: 0.01, slowMs: 120 },
        },
      }),
    ],
    probes: probesUp,
  })
}

/** One step and nothing else. */
export function oneStep(): ReportInput {
  return gateOf({
    title: 'load health',
    runs: [
      runReport({
        suite: 'health',
        seconds: 30,
        steps: { 'health/get': { requests: 3600, medianMs: 1.1, spread: 0.25 } },
      }),
    ],
  })
}

/** Forty steps, with a budget for each. */
export function fortySteps(): ReportInput {
  const names = Array.from(
    { length: 40 },
    (_, index) =>
      `checkout-${String(Math.floor(index / 8) + 1)}/step-${String((index % 8) + 1).padStart(2, '0')}`,
  )
  const steps = Object.fromEntries(
    names.map((name, index) => [
      name,
      { requests: 1200, medianMs: 4 + index * 3, spread: 0.35, slowShare: 0.01, slowMs: 90 },
    ]),
  )
  const budgets = {
    p95Ms: 500,
    errorRate: 0.001,
    steps: Object.fromEntries(names.map((name) => [name, { p95Ms: 200 }])),
  }
  return gateOf({ title: 'load checkout', runs: [runReport({ suite: 'checkout', steps, budgets })] })
}
