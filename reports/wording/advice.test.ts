import { describe, expect, it } from 'vitest'
import { examples, gateOf, runReport } from '../testing/examples/index.ts'
import type { RunSpec } from '../testing/examples/index.ts'
import type { ReportInput } from '../input.ts'
import { adviseNextSteps } from './advice.ts'
import { describeCauses } from './cells.ts'

const calm = { requests: 4000, medianMs: 5, spread: 0.2 }
const run = (more: Partial<RunSpec>): ReportInput =>
  gateOf({ runs: [runReport({ suite: 'steady', seconds: 60, steps: { 'a/b': calm }, ...more })] })
const of = (name: string): ReportInput => examples[name]?.() ?? gateOf({})

describe('what to do next', () => {
  it.each<[string, ReportInput, string[]]>([
    ['nothing, when all was kept', of('passing'), []],
    [
      'a slow step: begin there',
      of('slow'),
      ['begin with task-crud/list in steady: the report shows since when it was slow'],
    ],
    [
      'a slow run: begin with its slowest step',
      run({ steps: { 'a/quick': calm, 'a/slow': { ...calm, medianMs: 700 } }, budgets: { p95Ms: 500 } }),
      ['begin with a/slow in steady'],
    ],
    [
      'errors: the log, from the first one on, by the clock of the log',
      of('erring'),
      ["read the service's log from 2026-11-24 09:12:32 UTC on, when the first request of steady failed"],
    ],
    [
      'a service that died: that it is down, and when it went',
      of('killed'),
      [
        'probe health is down: nothing accepts connections there: is the service up',
        "read the service's log from 2026-11-24 09:13:05 UTC on, when the first request of steady failed; it stopped accepting connections",
      ],
    ],
    [
      'a service that never answers: what it waits for',
      of('unanswered'),
      ['it accepts requests and does not answer in time'],
    ],
    [
      'too little load for the promised throughput: the load, not the service',
      run({ budgets: { requestsPerMinute: 100_000 } }),
      ['steady sends only 66.7 req/s, which cannot reach 1,667: raise its load, or lower the budget'],
    ],
    [
      'too little throughput under enough load: the service',
      run({ budgets: { requestsPerMinute: 100_000 }, extras: { generator: { offeredRps: 2000 } } }),
      ['the service did not keep up with the load of steady'],
    ],
    [
      'too much memory: a heap snapshot',
      run({ budgets: { rssBytes: 1e8 } }),
      ['a heap snapshot under the load of steady'],
    ],
    [
      'a saturated generator: less load, and nothing about the service',
      of('saturated'),
      ['the generator, not the target, was the limit in steady'],
    ],
    ['too few requests: measure longer', of('undecided'), ['measure smoke longer than 10 s']],
    ['no budgets: set some', run({ budgets: {} }), ['set budgets for suite steady in the config']],
    [
      'a target that is not ready: start it, or correct the config',
      of('unreached'),
      ['nothing was measured: start the service'],
    ],
    [
      'nothing asked for: the config',
      of('nothingRan'),
      ['nothing was judged: name suites with budgets, or probes, in the config'],
    ],
    [
      'no step at all: the journeys',
      of('noSteps'),
      ['http://127.0.0.1:8000 answered nothing: check that it is up and that the suite has journeys to run'],
    ],
    [
      'a required push that failed: the Pushgateway',
      gateOf({
        runs: of('oneStep').runs,
        rows: [{ rule: 'push', step: null, metric: 'push', status: 'invalid', message: 'not pushed' }],
      }),
      ['check that the Pushgateway is up'],
    ],
    [
      'anything else that is invalid: what its row names',
      gateOf({
        rows: [{ rule: 'gate', step: null, metric: 'steady', status: 'invalid', message: 'interrupted' }],
      }),
      ['mend what the invalid row names'],
    ],
  ])('%s', (_, input, beginnings) => {
    const sentences = adviseNextSteps(input)
    expect(sentences).toHaveLength(beginnings.length)
    for (const [index, part] of beginnings.entries()) expect(sentences[index]).toContain(part)
  })

  it('does not send anybody to the machine that probes while something is certainly down', () => {
    expect(adviseNextSteps(of('killed')).join(' ')).not.toContain('the machine that probes')
    const unknown = of('killed').probes?.probes.filter((probe) => probe.outcome === 'unknown') ?? []
    expect(
      adviseNextSteps(gateOf({ probes: { schema: 'vigil.probes/1', probes: unknown } })).join(' '),
    ).toContain('look at the machine that probes, not at the service')
  })

  it('is at most six sentences, each said once', () => {
    const sentences = adviseNextSteps(
      gateOf({
        runs: Array.from({ length: 30 }, (_, n) =>
          runReport({ suite: `s${n % 10}`, steps: { 'a/b': calm }, budgets: { p95Ms: 1 } }),
        ),
      }),
    )
    expect(sentences).toHaveLength(6)
    expect(new Set(sentences).size).toBe(6)
  })

  it('copes with a record whose start is no date', () => {
    const input = of('erring')
    const runs = input.runs.map((report) => ({ ...report, run: { ...report.run, startedAt: 'x' } }))
    expect(adviseNextSteps({ ...input, runs })).toEqual(["read the service's log during steady"])
  })
})

describe('what a run came to grief on', () => {
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
        '2,042 connect (connection refused or lost) in 2 steps, most in task-crud/create, from 34.4 s: "connect ECONNREFUSED 127.0.0.1:8000"',
        '4 timeout (no answer in time) in task-crud/read from 34.4 s',
      ],
    ],
    [
      'arrivals that were never sent, which have no step',
      'saturated',
      ['8,412 dropped (never sent: the generator had no free user) from 2.1 s'],
    ],
    ['nothing', 'passing', []],
  ])('%s', (_, name, beginnings) => {
    const [report] = of(name).runs
    const lines = report ? describeCauses(report.run) : []
    expect(lines).toHaveLength(beginnings.length)
    for (const [index, beginning] of beginnings.entries())
      expect(lines[index]?.startsWith(beginning)).toBe(true)
  })
})
