import type { TimelinePoint } from '../../../record/index.ts'
import type { ReportInput } from '../../input.ts'
import { runReport } from './build.ts'
import { gateOf } from './gate.ts'
import { calm, calmSteps, probesUp } from './good.ts'

/** A list that takes 700 ms at p95, against a budget of 500. */
export function slow(): ReportInput {
  const steps = {
    ...calmSteps,
    'task-crud/list': { requests: 2400, medianMs: 318, spread: 0.49, slowShare: 0.015, slowMs: 900 },
  }
  const budgets = {
    p95Ms: 500,
    meanMs: 200,
    p99Ms: 800,
    errorRate: 0.001,
    requestsPerMinute: 1000,
    rssBytes: 512_000_000,
    steps: { 'task-crud/list': { p95Ms: 500, p99Ms: 1000 }, 'task-crud/read': { p95Ms: 50 } },
  }
  return gateOf({
    runs: [runReport({ ...calm, steps, budgets })],
    probes: probesUp,
    notes: ['suite capacity was LEFT OUT: autocannon was not asked for (--engine k6)'],
  })
}

const serverErrors = {
  class: 'status',
  example: 'expected 200, got 500 {"title":"Internal Server Error"}',
} as const
const emptyTitles = { class: 'check', example: 'expected the title that was sent, got an empty one' } as const
const refused = { class: 'connect', example: 'connect ECONNREFUSED 127.0.0.1:8000' } as const
const unansweredIn10s = { class: 'timeout', example: 'no answer within 10 s' } as const

/** Two requests in a hundred answered with 500. */
export function erring(): ReportInput {
  const steps = {
    ...calmSteps,
    'task-crud/update': { requests: 2400, errors: 241, medianMs: 6.8, spread: 0.33 },
    'task-crud/create': { requests: 2400, errors: 47, medianMs: 6.2, spread: 0.34 },
  }
  const failures = [
    { step: 'task-crud/update', ...serverErrors, count: 241, firstAtMs: 1204 },
    { step: 'task-crud/create', ...emptyTitles, count: 47, firstAtMs: 3377 },
  ]
  const timeline = Array.from({ length: 60 }, (_, second) => ({
    atMs: second * 1000,
    requests: 238 + (second % 5),
    errors: second === 0 ? 0 : 3 + ((second * 7) % 5),
    p95Ms: 14 + (second % 7),
  }))
  return gateOf({ runs: [runReport({ ...calm, steps, failures, timeline })], probes: probesUp })
}

/** The target died in second 34 of 60 and did not come back. */
export function killed(): ReportInput {
  const steps = Object.fromEntries(
    Object.entries(calmSteps).map(([name, step]) => [name, { ...step, errors: 1023, unanswered: 1023 }]),
  )
  return gateOf({
    runs: [
      runReport({
        ...calm,
        steps,
        failures: [
          { step: 'task-crud/create', ...refused, count: 1023, firstAtMs: 34_418 },
          { step: 'task-crud/list', ...refused, count: 1019, firstAtMs: 34_421 },
          { step: 'task-crud/read', ...unansweredIn10s, count: 4, firstAtMs: 34_402 },
        ],
        timeline: Array.from({ length: 60 }, (_, second): TimelinePoint => deathAt(second)),
      }),
    ],
    probes: {
      schema: 'vigil.probes/1',
      probes: [
        {
          name: 'health',
          outcome: 'down',
          startedAt: '2026-11-24T09:13:40.000Z',
          durationMs: 3.1,
          attempts: 2,
          message: 'get: expected 2xx, no answer: connect ECONNREFUSED 127.0.0.1:8000',
          steps: [
            {
              step: 'get',
              ok: false,
              status: 0,
              durationMs: 3.1,
              class: 'connect',
              message: 'connect ECONNREFUSED 127.0.0.1:8000',
            },
          ],
        },
        {
          name: 'auth-flow',
          outcome: 'unknown',
          startedAt: '2026-11-24T09:13:41.000Z',
          durationMs: 0.4,
          attempts: 1,
          message: 'interrupted before its first step',
          steps: [],
        },
      ],
    },
  })
}

function deathAt(second: number): TimelinePoint {
  if (second < 34)
    return { atMs: second * 1000, requests: 238 + (second % 5), errors: 0, p95Ms: 15 + (second % 6) }
  return {
    atMs: second * 1000,
    requests: second === 34 ? 240 : 236,
    errors: second === 34 ? 138 : 236,
    ...(second === 34 && { p95Ms: 412 }),
  }
}

/** No request was answered: latencies could not be judged; errors and throughput fail. */
export function unanswered(): ReportInput {
  const steps = { 'health/get': { requests: 4000, errors: 4000, unanswered: 4000, medianMs: 1, spread: 0.1 } }
  const failures = [
    {
      step: 'health/get',
      class: 'timeout',
      count: 4000,
      firstAtMs: 10_003,
      example: 'no answer within 10 s',
    } as const,
  ]
  const skipped = {
    rule: 'suite',
    suite: 'capacity',
    step: null,
    metric: 'suite',
    status: 'skipped',
    message: 'suite capacity was LEFT OUT: autocannon is not on this machine',
  } as const
  return gateOf({
    runs: [runReport({ suite: 'smoke', seconds: 100, steps, failures: [...failures] })],
    rows: [skipped],
  })
}

/** The generator was the limit, so nothing is known of the target. */
export function saturated(): ReportInput {
  return gateOf({
    runs: [
      runReport({
        ...calm,
        load: { model: 'arrival-rate', ratePerSecond: 4000 },
        invalid: [
          'the generator used 98 % of its CPU (limit 85 %): the load was late, so latencies are its own',
          '8,412 of 24,000 arrivals were dropped: no free virtual user',
        ],
        extras: {
          generator: { cpuRatio: 0.98, eventLoopP99Ms: 184, droppedArrivals: 8412, offeredRps: 24_000 },
        },
        failures: [{ step: null, class: 'dropped', count: 8412, firstAtMs: 2100 }],
      }),
    ],
  })
}

/** Too few requests to judge a p99 or an error rate of 0.1 %. */
export function undecided(): ReportInput {
  const steps = { 'health/get': { requests: 400, medianMs: 1.4, spread: 0.3 } }
  return gateOf({
    runs: [
      runReport({
        suite: 'smoke',
        seconds: 10,
        steps,
        budgets: { p95Ms: 500, p99Ms: 800, errorRate: 0.001 },
      }),
    ],
  })
}

/** Nothing ran: no suite, no probe. */
export function nothingRan(): ReportInput {
  return gateOf({})
}

/** The target was never reached, so no load was made. */
export function unreached(): ReportInput {
  const message =
    'http://127.0.0.1:8000/health/ready was not ready within 30 s: connect ECONNREFUSED 127.0.0.1:8000'
  return gateOf({
    rows: [
      { rule: 'gate', step: null, metric: 'target', status: 'invalid', code: 'target-not-started', message },
    ],
    notes: ['the last lines of the target are in .vigil/gates/20261124T091220Z-gate/target.log'],
  })
}
