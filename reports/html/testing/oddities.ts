import type { ProbeResult } from '../../../record/index.ts'
import { examples, gateOf, hostileText, runReport } from '../../testing/examples/index.ts'
import type { ReportInput, RunReport } from '../../input.ts'

const some = { requests: 5000, medianMs: 450, spread: 0.4 }

function steady(): RunReport {
  return runReport({
    suite: 'steady',
    seconds: 12,
    steps: { 'tasks/list': some, 'tasks/read': { ...some, medianMs: 4 } },
    budgets: { p95Ms: 500, p99Ms: 510, meanMs: 100 },
  })
}

function oneSample(): ReportInput {
  return gateOf({
    title: 'load one',
    runs: [
      runReport({
        suite: 'one',
        seconds: 1,
        steps: { 'health/get': { requests: 1, medianMs: 4, spread: 0.3 } },
      }),
    ],
  })
}

/** Ended by the user, with two budgets that lie almost on each other. */
function interrupted(): ReportInput {
  const report = steady()
  return gateOf({ runs: [{ ...report, run: { ...report.run, interrupted: true } }] })
}

/** A record of another tool: totals and steps, and nothing else that may be left out. */
function bare(): ReportInput {
  const { run, ...judged } = steady()
  const { timeline: _timeline, server: _server, generator: _generator, ...least } = run
  return gateOf({ runs: [{ ...judged, run: least }] })
}

/** The engine crashed: an invalid run without a step. */
function crashed(): ReportInput {
  return gateOf({
    runs: [
      runReport({
        suite: 'crashed',
        steps: {},
        timeline: [],
        invalid: ['k6 ended with code 107 before the first request'],
      }),
    ],
  })
}

/** So many samples that the nines no longer have room side by side on a phone. */
function millions(): ReportInput {
  const report = steady()
  const endpoints = Object.fromEntries(
    Object.entries(report.run.endpoints).map(([step, endpoint]) => [
      step,
      {
        ...endpoint,
        histogram: [
          [2, 9_000_000],
          [40, 900_000],
          [700, 99_999],
          [4000, 1],
        ] as const,
      },
    ]),
  )
  return gateOf({ runs: [{ ...report, run: { ...report.run, endpoints } }] })
}

export function threeHundredSteps(): ReportInput {
  const names = Array.from(
    { length: 300 },
    (_, index) => `journey-${index % 10}/step-${index}-of-some-length`,
  )
  const steps = Object.fromEntries(
    names.map((name, index) => [name, { requests: 220, medianMs: 3 + index, spread: 0.3 }]),
  )
  return gateOf({
    runs: [
      runReport({
        suite: 'all',
        steps,
        budgets: { p95Ms: 300, steps: Object.fromEntries(names.map((name) => [name, { p95Ms: 400 }])) },
      }),
    ],
  })
}

/** Seconds without an entry, and failures only the timeline knows of. */
function gaps(): ReportInput {
  const report = steady()
  const timeline = [
    { atMs: 0, requests: 100, errors: 0, p95Ms: 9 },
    { atMs: 4000, requests: 90, errors: 30, p95Ms: 40 },
    { atMs: 11_000, requests: 80, errors: 80 },
  ]
  return gateOf({ runs: [{ ...report, run: { ...report.run, timeline } }] })
}

/** What JSON cannot hold, but an engine's arithmetic can. */
function notNumbers(): ReportInput {
  const report = steady()
  return gateOf({
    runs: [
      {
        ...report,
        run: {
          ...report.run,
          server: { rssMaxBytes: Number.NaN, cpuMsPerRequest: Infinity },
          generator: { cpuRatio: Number.NaN },
        },
      },
    ],
  })
}

/**
 * As much as a record may hold of what takes most room when it is escaped, in more runs than a page has
 * place for.
 */
export function swollen(): ReportInput {
  const names = Array.from({ length: 300 }, (_, index) => `${'`'.repeat(190)}${index}`)
  const report = runReport({
    suite: `'${hostileText}`.slice(0, 200),
    steps: Object.fromEntries(
      names.map((name) => [name, { requests: 20, errors: 20, medianMs: 600, spread: 0.3 }]),
    ),
    budgets: {
      p95Ms: 1,
      errorRate: 0.001,
      steps: Object.fromEntries(names.map((name) => [name, { p95Ms: 1, errorRate: 0.001 }])),
    },
    failures: names.map((step) => ({
      step,
      class: 'check',
      count: 20,
      firstAtMs: 1,
      example: '`'.repeat(200),
    })),
  })
  const probe: ProbeResult = {
    name: '`'.repeat(200),
    outcome: 'down',
    startedAt: 'x',
    durationMs: 1,
    attempts: 2,
    message: '`'.repeat(400),
    steps: names.map((step) => ({
      step,
      ok: false,
      status: 500,
      durationMs: 1,
      class: 'check',
      message: '`'.repeat(400),
    })),
  }
  return gateOf({
    runs: Array.from({ length: 60 }, () => report),
    probes: { schema: 'vigil.probes/1', probes: Array.from({ length: 60 }, () => probe) },
    notes: names.map((name) => name.repeat(5)),
  })
}

/** No run, but rows and probes in characters of four bytes: too long in bytes before it is in characters. */
export function wideCharacters(): ReportInput {
  const long = '\u{20bb7}'.repeat(300)
  const step = { step: long, ok: false, status: 500, durationMs: 1, class: 'check', message: long } as const
  const probe: ProbeResult = {
    name: long,
    outcome: 'down',
    startedAt: 'x',
    durationMs: 1,
    attempts: 1,
    message: long,
    steps: Array.from({ length: 200 }, () => step),
  }
  const row = {
    rule: 'budget',
    suite: long,
    step: long,
    metric: 'p95Ms',
    status: 'fail',
    message: long,
  } as const
  return gateOf({
    probes: { schema: 'vigil.probes/1', probes: [probe] },
    rows: Array.from({ length: 400 }, () => row),
  })
}

/** Sixty runs of forty steps: more than one file holds in full. */
export function sixtyRuns(): ReportInput {
  const report = examples['fortySteps']?.().runs[0]
  return gateOf({ runs: report ? Array.from({ length: 60 }, () => report) : [] })
}

/** Inputs that the shared examples do not have. */
export const oddities: Record<string, () => ReportInput> = {
  oneSample,
  interrupted,
  bare,
  crashed,
  threeHundredSteps,
  gaps,
  millions,
  notNumbers,
}
