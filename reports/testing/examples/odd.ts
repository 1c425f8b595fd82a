import type { ReportInput } from '../../input.ts'
import { runReport } from './build.ts'
import { gateOf } from './gate.ts'
import { calm } from './good.ts'

/** A record with no step at all. */
export function noSteps(): ReportInput {
  return gateOf({
    title: 'load empty',
    runs: [runReport({ ...calm, suite: 'empty', steps: {}, timeline: [] })],
  })
}

/** Steps that were never requested. */
export function zeroRequests(): ReportInput {
  const steps = { 'health/get': { requests: 0, medianMs: 1, spread: 0.1 } }
  return gateOf({
    title: 'load idle',
    runs: [
      runReport({
        suite: 'idle',
        steps,
        budgets: { p95Ms: 500, steps: { 'health/get': { p95Ms: 100 } } },
        timeline: [{ atMs: 0, requests: 0, errors: 0 }],
      }),
    ],
  })
}

/** Figures at the edge of what numbers can say. */
export function huge(): ReportInput {
  const report = runReport({
    suite: 'huge',
    seconds: 86_400,
    timeline: [],
    steps: { 'bulk/import': { requests: 500, medianMs: 4_000_000, spread: 1.4 } },
  })
  const totals = {
    requests: 9_007_199_254_740_991,
    errors: 9_007_199_254_740,
    errorRate: 0.001,
    throughputRps: 104_249_991_374.7,
    latency: { ...report.run.totals.latency, maxMs: 8.64e15 },
  }
  const timeline = Array.from({ length: 86_400 }, (_, second) => ({
    atMs: second * 1000,
    requests: 1e12,
    errors: second % 1000 === 0 ? 1e9 : 0,
    p95Ms: 1e7,
  }))
  return gateOf({
    title: 'load huge',
    runs: [
      {
        ...report,
        run: { ...report.run, totals, timeline, server: { rssMaxBytes: 1e18, cpuMsPerRequest: 1e-9 } },
      },
    ],
  })
}

/** More broken than any report may list: three hundred steps, each with failures of its own. */
export function allBroken(): ReportInput {
  const names = Array.from({ length: 300 }, (_, index) =>
    `checkout of the old shop/step ${index} ${'with a long name '.repeat(5)}`.trim(),
  )
  const steps = Object.fromEntries(
    names.map((name) => [name, { requests: 300, errors: 30, medianMs: 40, spread: 0.3 }]),
  )
  const budgets = {
    p95Ms: 10,
    errorRate: 0.001,
    steps: Object.fromEntries(names.map((name) => [name, { p95Ms: 10, meanMs: 5, errorRate: 0.01 }])),
  }
  const failures = names.map(
    (step, index) =>
      ({
        step,
        class: 'status',
        count: 30,
        firstAtMs: index * 10,
        example: `expected 200, got 500 ${'because of this and that '.repeat(8)}`.slice(0, 200),
      }) as const,
  )
  return gateOf({
    title: 'load checkout',
    runs: [runReport({ suite: 'checkout', steps, budgets, failures })],
    notes: names.map((name) => `${name} was slow before`),
  })
}

/** Text with markup, a mention, a link and escape sequences. Tests search for each in every report. */
export const hostileText =
  '<script>alert(1)</script><img src=x onerror=alert(2)>"\'`|]](http://evil.example/) @octocat #1 **b** ' +
  ']]> \u001b[31mred\u001b]0;title\u0007 \u202egnp.exe\u0000\ud800\uffff -->\r\n\r\n# heading\r\n' +
  '::error::x &amp;'

/** A target, a config and an engine with hostile text in every field. */
export function hostile(): ReportInput {
  const suite = `su/ite {a="b"} ${hostileText}`.slice(0, 200)
  const step = `journey/${hostileText}`.slice(0, 200)
  const report = runReport({
    suite,
    engine: hostileText.slice(0, 100),
    steps: {
      [step]: { requests: 4000, errors: 400, medianMs: 300, spread: 0.6 },
      __proto__x: { requests: 400, medianMs: 30, spread: 0.6 },
    },
    budgets: { p95Ms: 500, errorRate: 0.001, steps: { [step]: { p95Ms: 400 }, [hostileText]: { p95Ms: 1 } } },
    failures: [{ step, class: 'check', count: 400, firstAtMs: 12, example: hostileText.slice(0, 200) }],
    extras: {
      id: `run-${hostileText}`,
      target: {
        url: `http://user:canary-secret@evil.example/?token=canary-secret#${hostileText}`,
        revision: hostileText,
        dirty: true,
      },
    },
  })
  report.run.environment[hostileText] = hostileText
  return gateOf({
    title: `load ${hostileText}`,
    runs: [report],
    probes: {
      schema: 'vigil.probes/1',
      probes: [
        {
          name: hostileText,
          outcome: 'down',
          startedAt: 'x',
          durationMs: 1,
          attempts: 3,
          message: hostileText,
          steps: [
            {
              step: hostileText,
              ok: false,
              status: 500,
              durationMs: 1,
              class: 'check',
              message: hostileText,
            },
          ],
        },
      ],
    },
    rows: [
      {
        rule: hostileText,
        suite: hostileText,
        step: hostileText,
        metric: hostileText,
        status: 'invalid',
        message: hostileText.repeat(500),
      },
    ],
    notes: [hostileText, 'x'.repeat(100_000)],
  })
}
