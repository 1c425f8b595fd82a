import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { findReason, judgeRun } from '../baselines/index.ts'
import type { Budgets, ReasonCode, VerdictRow } from '../baselines/index.ts'
import { toEmptyRecord, toRecord, toRefusalRecord } from '../load/index.ts'
import type { LoadPlan, Measurement } from '../load/index.ts'
import type { Counts } from '../record/index.ts'
import { countsOf, exampleRun, spread } from '../record/testing/examples/runs.ts'
import type { Run } from '../record/index.ts'
import { nothingJudged } from './commands/gate/run.ts'
import { preflight } from './shared/target.ts'

const steps: Record<string, Counts> = { 'a/b': countsOf(spread(4000, 5, 900)) }
const judged = (budgets: Budgets, changes: Partial<Run> = {}, own = steps): (string | undefined)[] =>
  judgeRun(exampleRun(own, changes), budgets).rows.map(findReason)

const plan: LoadPlan = {
  run: 'r1',
  suite: 'browse',
  targetUrl: 'http://127.0.0.1:9',
  source: { kind: 'journeys', module: '/journeys.ts', mix: [] },
  load: { model: 'arrival-rate', ratePerSecond: 1 },
  warmupMs: 0,
  durationMs: 1000,
  requestTimeoutMs: 1000,
}
const { target, environment, startedAt } = exampleRun(steps)
const facts = { engine: 'k6', target, environment, startedAt }
const measurement: Measurement = {
  startedAt,
  durationMs: 1000,
  endpoints: { 'a/b': { requests: 9, errors: 0, histogram: [[5, 9]], latencySumMs: 45 } },
  droppedArrivals: 0,
  failures: [],
  timeline: [],
  generator: {},
  saturation: [],
  interrupted: false,
}
const measured = (changes: Partial<Measurement>): string[] =>
  toRecord(plan, { ...measurement, ...changes }, {}, facts).validity.codes ?? []
const row = (rule: string, status: VerdictRow['status']): (string | undefined)[] => [
  findReason({ rule, step: null, metric: 'p50Ms', status, message: '' }),
]
const asked = async (url: string): Promise<(string | undefined)[]> => [
  (await preflight(url, '/', new AbortController().signal))?.code,
]

/** A test elsewhere that needs processes or a network: its file, and a text of that test. */
type Elsewhere = [file: string, text: string]

/** What makes each reason. A reason without an entry does not compile. */
const makers: Record<ReasonCode, Elsewhere | (() => unknown)> = {
  'target-dns': async () => asked('http://no-such-host.invalid/'),
  'target-connect': async () => asked('http://127.0.0.1:9/'),
  'target-tls': ['cli/unreachable.live.test.ts', "'has a self-signed certificate'"],
  'target-timeout': ['cli/unreachable.live.test.ts', "    'timeout',"],
  'target-redirect': ['cli/shared/target.test.ts', "toBe('target-redirect')"],
  'target-not-started': ['cli/left-out.live.test.ts', "command: ['false']"],
  'target-address-taken': ['cli/commands/load/service.live.test.ts', 'stop what answers at'],
  'target-ended': ['cli/commands/load/service.live.test.ts', 'Next: the service ended under load'],
  'target-busy': ['cli/commands/ab/ab.test.ts', 'await lockTarget('],
  'target-lock': ['runtime/target/lock.test.ts', 'is unavailable, with what to do'],
  'target-metrics': ['cli/commands/load/service.live.test.ts', 'set VIGIL_METRICS_TOKEN'],
  'memory-not-measured': () => judged({ rssBytes: 1 }, { server: {} }),
  'users-not-prepared': () =>
    toRefusalRecord(plan, { step: 'a/b', class: 'connect', message: 'refused' }, facts).validity.codes,
  interrupted: () => measured({ interrupted: true }),
  'nothing-measured': () => measured({ endpoints: {} }),
  'tool-missing': ['cli/left-out.live.test.ts', 'VIGIL_K6'],
  'control-failed': ['load/duet/duet.test.ts', "code: 'control-failed'"],
  'engine-failed': () =>
    toEmptyRecord(plan, { code: 'engine-failed', reason: 'k6 crashed' }, false, facts).validity.codes,
  'generator-saturated': () => measured({ saturation: ['no CPU left'] }),
  'shards-incomplete': ['load/engines/k6/shards.live.test.ts', "'shards-incomplete'"],
  'push-failed': ['cli/push.live.test.ts', 'require: true'],
  'base-missing': ['cli/commands/gate/base.live.test.ts', "toContain('fetch-depth: 0')"],
  'sides-not-prepared': ['load/duet/revisions/modules.test.ts', 'target.prepare'],
  'baseline-unusable': () => row('baseline', 'invalid'),
  incomparable: () => row('comparison', 'invalid'),
  'step-not-requested': () => judged({ steps: { 'a/none': { p95Ms: 1 } } }),
  'mostly-failed': () =>
    judged({ p95Ms: 1e6 }, {}, { 'a/b': countsOf(spread(100, 1, 2), { failedAnswers: 99 }) }),
  'nothing-judged': async () => [nothingJudged().code],
  unknown: () => row('gate', 'invalid'),
  'errors-over-budget': () =>
    judged({ errorRate: 0.001 }, {}, { 'a/b': countsOf(spread(9000, 1, 2), { failedAnswers: 900 }) }),
  'latency-over-budget': () => judged({ p95Ms: 10 }),
  'throughput-under-budget': () => judged({ requestsPerMinute: 1e6 }),
  'memory-over-budget': () => judged({ rssBytes: 1 }),
  'probe-down': () => row('probe', 'fail'),
  'threshold-crossed': () => judged({}, { crossedThresholds: ['checks'] }),
  'script-limit': () => judged({ checks: { ok: 0.9 } }, { checks: { ok: { passes: 10, fails: 90 } } }),
  'script-metric-missing': () => judged({ checks: { ok: 0.9 } }),
  'script-failed': () => judged({}, { markedFailed: ['out of stock'] }),
  regression: () => row('comparison', 'fail'),
  'worse-than-baseline': () => row('baseline', 'fail'),
  'too-few-samples': () => judged({ p95Ms: 1e6 }, {}, { 'a/b': countsOf(spread(20, 1, 2)) }),
  undecided: () => row('comparison', 'inconclusive'),
  'no-budgets': () => judged({}),
  'probe-unknown': () => row('probe', 'inconclusive'),
}

describe('a reason', () => {
  it.each(Object.entries(makers))('%s is made', async (code, maker) => {
    if (typeof maker === 'function') expect(await maker()).toContain(code)
    else {
      const [file, text] = maker
      const there = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').includes(text)
      expect(there, `${file}: expected a test with ${text}`).toBe(true)
    }
  })
})
