import { describe, expect, it } from 'vitest'
import { examples, gateOf, runReport } from '../testing/examples/index.ts'
import type { Failure } from '../../record/index.ts'
import type { RunSpec } from '../testing/examples/index.ts'
import type { ReportInput } from '../input.ts'
import { adviseNextSteps } from './advice.ts'
import { describeCauses } from './cells.ts'

const fast = { requests: 4000, medianMs: 5, spread: 0.2 }
const run = (more: Partial<RunSpec>): ReportInput =>
  gateOf({ runs: [runReport({ suite: 'steady', seconds: 60, steps: { 'a/b': fast }, ...more })] })
const findExample = (name: string): ReportInput => examples[name]?.() ?? gateOf({})

describe('what to do next', () => {
  it.each<[string, ReportInput, string[]]>([
    ['nothing, when all checks passed', findExample('passing'), []],
    [
      'a slow step: start there',
      findExample('slow'),
      ['start with task-crud/list in steady: the report shows when it became slow'],
    ],
    [
      'a slow run: start with its slowest step',
      run({ steps: { 'a/quick': fast, 'a/slow': { ...fast, medianMs: 700 } }, budgets: { p95Ms: 500 } }),
      ['start with a/slow in steady'],
    ],
    [
      'errors: the log from the first error, in UTC',
      findExample('erring'),
      ["read the service's log from 2026-11-24 09:12:32 UTC, when the first request of steady failed"],
    ],
    [
      'a service that exited: that it is down, and since when',
      findExample('killed'),
      [
        'probe health is down: nothing accepts connections at its address: check that the service is up',
        "read the service's log from 2026-11-24 09:13:05 UTC, when the first request of steady failed; " +
          'it stopped accepting connections',
      ],
    ],
    [
      'a service that never answers: what it waits for',
      findExample('unanswered'),
      ['it accepts requests and does not answer in time'],
    ],
    [
      'too little load for the throughput budget: the load, not the service',
      run({ budgets: { requestsPerMinute: 100_000 } }),
      ['steady sends only 66.7 req/s, which cannot reach 1,667: raise its load, or lower the budget'],
    ],
    [
      'too little throughput at a sufficient load: the service',
      run({
        budgets: { requestsPerMinute: 100_000 },
        extras: { generator: { offeredRps: 2000, droppedArrivals: 117_000 } },
      }),
      ['the service did not sustain the load of steady'],
    ],
    [
      'too much memory: a heap snapshot',
      run({ budgets: { rssBytes: 1e8 } }),
      ['take a heap snapshot under the load of steady'],
    ],
    [
      'a saturated generator: less load, and nothing about the service',
      findExample('saturated'),
      ['the load generator was the bottleneck in steady, not the service'],
    ],
    [
      'too few requests: measure longer',
      findExample('undecided'),
      ['measure smoke for 90 s or longer, or at a higher load'],
    ],
    ['no budgets: set some', run({ budgets: {} }), ['set budgets for suite steady in the config']],
    [
      'a target that is not ready: start it, or correct the config',
      findExample('unreached'),
      ['correct what the service says, or target.command, target.env and target.ready'],
    ],
    [
      'nothing requested: the config',
      findExample('nothingRan'),
      ['nothing was judged: add suites with budgets, or probes, to the config'],
    ],
    ['no step at all: the journeys', findExample('noSteps'), ['check that empty has journeys to run']],
    [
      'a required push that failed: the Pushgateway',
      gateOf({
        runs: findExample('oneStep').runs,
        rows: [{ rule: 'push', step: null, metric: 'push', status: 'invalid', message: 'not pushed' }],
      }),
      ['check that the Pushgateway is up'],
    ],
    [
      'anything else that is invalid: what its row names',
      gateOf({
        rows: [{ rule: 'gate', step: null, metric: 'steady', status: 'invalid', message: 'interrupted' }],
      }),
      ['correct what the invalid row names'],
    ],
  ])('%s', (_, input, beginnings) => {
    const sentences = adviseNextSteps(input)
    expect(sentences).toHaveLength(beginnings.length)
    for (const [index, part] of beginnings.entries()) expect(sentences[index]).toContain(part)
  })

  it('does not blame the machine that runs the probes while a probe is certainly down', () => {
    expect(adviseNextSteps(findExample('killed')).join(' ')).not.toContain('the machine that runs the probes')
    const unknown = findExample('killed').probes?.probes.filter((probe) => probe.outcome === 'unknown') ?? []
    expect(
      adviseNextSteps(gateOf({ probes: { schema: 'vigil.probes/1', probes: unknown } })).join(' '),
    ).toContain('check the machine that runs the probes, not the service')
  })

  it('is at most six sentences without repetition', () => {
    const sentences = adviseNextSteps(
      gateOf({
        runs: Array.from({ length: 30 }, (_, n) =>
          runReport({ suite: `s${n % 10}`, steps: { 'a/b': fast }, budgets: { p95Ms: 1 } }),
        ),
      }),
    )
    expect(sentences).toHaveLength(6)
    expect(new Set(sentences).size).toBe(6)
  })

  it('accepts a record whose start is not a date', () => {
    const input = findExample('erring')
    const runs = input.runs.map((report) => ({ ...report, run: { ...report.run, startedAt: 'x' } }))
    expect(adviseNextSteps({ ...input, runs })).toEqual(["read the service's log during steady"])
  })
})

describe('the causes of a run that did not pass', () => {
  it.each<[string, string, string[]]>([
    [
      'one class in one step',
      'erring',
      [
        '241 status (unexpected status) in task-crud/update from 1.2 s: "expected 200, got 500',
        '47 check (check failed) in task-crud/create from 3.4 s',
      ],
    ],
    [
      'one class in several steps',
      'killed',
      [
        '2,042 connect (connection refused or lost) in 2 steps, most in task-crud/create, from 34.4 s: ' +
          '"connect ECONNREFUSED 127.0.0.1:8000"',
        '4 timeout (no answer in time) in task-crud/read from 34.4 s',
      ],
    ],
    [
      'arrivals that were not sent, which have no step',
      'saturated',
      ['8,412 dropped (not sent: no free virtual user) from 2.1 s'],
    ],
    ['nothing', 'passing', []],
  ])('%s', (_, name, beginnings) => {
    const [report] = findExample(name).runs
    const lines = report ? describeCauses(report.run) : []
    expect(lines).toHaveLength(beginnings.length)
    for (const [index, beginning] of beginnings.entries())
      expect(lines[index]?.startsWith(beginning)).toBe(true)
  })
})

describe('the pattern of failures', () => {
  const six = Array.from({ length: 6 }, (_, n) => `a/step-${n}`)
  const causesOf = (counts: readonly number[], details: Partial<Failure>[], requests = 400): string[] => {
    const steps = Object.fromEntries(
      counts.map((errors, n) => [six[n] ?? '', { requests, errors, medianMs: 5, spread: 0.2 }]),
    )
    const failures = counts.map((count, n): Failure => ({
      step: six[n] ?? '',
      class: 'status',
      count,
      ...details[n % details.length],
    }))
    return describeCauses(runReport({ suite: 'browse', steps, failures }).run)
  }

  it.each([
    ['evenly', [16, 15, 17, 14, 18, 15], [{ statuses: [500] }], '95 × HTTP 500, evenly over 6 steps,'],
    [
      'mostly in one',
      [90, 1, 1, 1, 1, 1],
      [{ statuses: [500] }],
      '95 × HTTP 500 in 6 steps, most in a/step-0,',
    ],
    ['in one', [95], [{ statuses: [503] }], '95 × HTTP 503 in a/step-0'],
    [
      'of two statuses',
      [50, 45],
      [{ statuses: [503] }, { statuses: [500] }],
      '95 × HTTP 500 or 503 in 2 steps, most in a/step-0,',
    ],
    [
      'of many statuses',
      [95],
      [{ statuses: [500, 501, 502, 503, 504, 505] }],
      '95 × HTTP 500 or 501 or 502 or 503 or 504 and others in a/step-0',
    ],
    ['of an older record', [95], [{ example: 'status 500, expected 2xx' }], '95 × HTTP 500 in a/step-0'],
    ['without a status', [95], [{ example: 'expected 2xx' }], '95 status (unexpected status) in a/step-0'],
    ['of no status at all', [95], [{ example: 'status 9000' }], '95 status (unexpected status) in a/step-0'],
  ] satisfies [string, number[], Partial<Failure>[], string][])('%s', (_, counts, details, expected) => {
    expect(causesOf(counts, details)).toEqual([expect.stringContaining(expected)])
  })

  it('names at most three requests, cleaned', () => {
    const ids = [{ requestIds: ['one', 'two\u001b[2J'] }, { requestIds: ['three', 'four'] }]
    const [cause = ''] = causesOf([20, 20], ids)
    expect(cause).toMatch(/; request ids: one, two.{0,2}\[2J, three$/)
    expect(cause).not.toContain('\u001b')
  })

  it('names both of two equal culprits, and since when', () => {
    const steps = {
      'a/list': { requests: 4000, medianMs: 690, spread: 0.05 },
      'a/read': { requests: 4000, medianMs: 700, spread: 0.05 },
      'a/me': { requests: 4000, medianMs: 20, spread: 0.2 },
    }
    const timeline = Array.from({ length: 60 }, (_, n) => ({
      atMs: n * 1000,
      requests: 200,
      errors: 0,
      p95Ms: n < 12 ? 30 : 760,
    }))
    const late = gateOf({ runs: [runReport({ suite: 'browse', steps, timeline, budgets: { p95Ms: 500 } })] })
    expect(adviseNextSteps(late)).toEqual([
      expect.stringMatching(
        /^start with a\/read and a\/list in browse: slow from 12 s on \(p95 \d+ ms and \d+ ms; no other step is over/,
      ),
    ])
    const always = timeline.map((point) => ({ ...point, p95Ms: 760 }))
    const early = gateOf({
      runs: [runReport({ suite: 'browse', steps, timeline: always, budgets: { p95Ms: 500 } })],
    })
    expect(adviseNextSteps(early)[0]).toContain(': slow from the first second (')
  })
})
