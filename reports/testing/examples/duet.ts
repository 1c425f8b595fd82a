import { combineVerdicts } from '../../../baselines/index.ts'
import type { VerdictRow } from '../../../baselines/index.ts'
import type { Comparison, ReportInput } from '../../input.ts'
import { runReport } from './build.ts'
import { calmSteps } from './good.ts'
import { hostileText } from './odd.ts'

const effect = (
  step: string | null,
  metric: string,
  status: VerdictRow['status'],
  [baseline, ratio, low, high]: readonly [number, number, number, number],
): VerdictRow => ({
  rule: 'comparison',
  step,
  metric,
  status,
  baseline,
  candidate: baseline * ratio,
  ratio,
  ci: [low, high],
  margin: 0.05,
  message:
    `${metric.replace('Ms', '')} ${baseline} → ${Number((baseline * ratio).toPrecision(3))} ms, ` +
    'margin 5 %',
})

const slowRows: VerdictRow[] = [
  effect(null, 'p95Ms', 'fail', [13.1, 30.2, 25.1, 38.4]),
  effect('task-crud/list', 'p95Ms', 'fail', [20.5, 36.7, 31, 41]),
  effect('task-crud/read', 'p95Ms', 'fail', [5.1, 1.42, 1.3, 1.55]),
  {
    rule: 'exact',
    step: 'task-crud/list',
    metric: 'statements',
    status: 'fail',
    message: 'SQL statements 1 → 21: at most as many as before',
  },
  {
    rule: 'exact',
    step: 'task-crud/read',
    metric: 'bytes',
    status: 'pass',
    baseline: 271,
    candidate: 271,
    ratio: 1,
    message: 'bytes 271 in every pair, at most 271',
  },
  effect(null, 'p50Ms', 'pass', [6.02, 1.011, 0.99, 1.03]),
  effect('task-crud/delete', 'p50Ms', 'improved', [4.88, 0.82, 0.78, 0.87]),
  effect('task-crud/create', 'p95Ms', 'skipped', [11.1, 1.03, 0.86, 1.22]),
  effect('task-crud/update', 'p95Ms', 'skipped', [11.7, 0.99, 0.8, 1.24]),
]

interface DuetSpec {
  rows: readonly VerdictRow[]
  slowMs?: number
  processPairs?: number
  why?: Comparison['why']
  profile?: Comparison['profile']
  pairs?: number
  candidate?: string
}

function duetOf({
  rows,
  slowMs = 9.4,
  processPairs = 1,
  why = [],
  profile,
  pairs = 24,
  candidate,
}: DuetSpec): ReportInput {
  const side = (medianMs: number, seed: number) =>
    runReport({
      suite: 'browse-duet',
      seed,
      budgets: {},
      steps: { ...calmSteps, 'task-crud/list': { requests: 2400, medianMs, spread: 0.4 } },
    }).run
  const verdict = combineVerdicts([], rows)
  const run = side(slowMs, 11)
  const sides = { baseline: 'main (7d1f0c2b9)', candidate: candidate ?? 'the work tree (a81b2c3d4)' }
  return {
    title: `ab ${sides.baseline} → ${sides.candidate}, browse-duet`,
    verdict,
    runs:
      pairs === 0
        ? []
        : [{ run, budgets: {}, verdict: { schema: 'vigil.verdict/1', verdict: verdict.verdict, rows: [] } }],
    notes: ['repeat: vigil ab main'],
    command: ['ab', 'main'],
    folder: '.vigil/duets/20261124T091220Z-ab-browse-duet',
    vigilVersion: '0.1.0',
    comparison: {
      suite: 'browse-duet',
      sides,
      pairs,
      loadSeconds: pairs * 2.5,
      processPairs,
      why,
      ...(profile && { profile }),
      ...(pairs > 0 && { baseline: side(9.4, 7) }),
      byPair: Array.from({ length: pairs }, (_, n) => ({
        baselineMs: 13 + (n % 5) * 0.7,
        ...(n !== 5 && { candidateMs: (13 + (n % 7) * 0.6) * (slowMs / 9.4) }),
      })),
      repeat: 'vigil ab main',
      control: 'two random halves of the baseline: p50 +0.3 % (this machine, now: ±1.1 %)',
    },
  }
}

/** The functions of both sides; `name` is the one that became slower. */
function profileOf(name: string, file: string): NonNullable<Comparison['profile']> {
  const node = (parent: number, of: string, at: string, baseline: number, candidate: number) => ({
    parent,
    name: of,
    file: at,
    line: 12,
    totalMs: { baseline, candidate },
  })
  return {
    schema: 'vigil.profile/1',
    run: 'ab-1',
    suite: 'browse-duet',
    source: 'inspector',
    seconds: 5,
    baseline: { requests: 825, samples: 2100, cpuMsPerRequest: 0.66 },
    candidate: { requests: 824, samples: 4300, cpuMsPerRequest: 1.42 },
    changes: [
      {
        name,
        file,
        line: { baseline: 40, candidate: 42 },
        selfMs: { baseline: 0.08, candidate: 0.71 },
        totalMs: { baseline: 0.1, candidate: 0.81 },
      },
      {
        name: 'parse',
        file: 'node_modules/pg-protocol/dist/parser.js',
        line: { baseline: 59, candidate: 59 },
        selfMs: { baseline: 0.03, candidate: 0.16 },
        totalMs: { baseline: 0.04, candidate: 0.2 },
        calledBy: { name, file, line: 42 },
      },
      {
        name: 'isCached',
        file: 'backend/tasks/cache.ts',
        line: { baseline: 8 },
        selfMs: { baseline: 0.02, candidate: 0 },
        totalMs: { baseline: 0.02, candidate: 0 },
      },
    ],
    flame: [
      node(-1, 'processTicksAndRejections', 'node:internal/process/task_queues', 0.5, 1.3),
      node(0, name, file, 0.1, 0.81),
      node(1, 'parse', 'node_modules/pg-protocol/dist/parser.js', 0.04, 0.2),
      node(0, 'handle', 'backend/http/app.ts', 0.3, 0.31),
      node(0, 'isCached', 'backend/tasks/cache.ts', 0.08, 0.04),
      node(-1, '(program)', '', 0.16, 0.12),
    ],
  }
}

/** A list that makes 21 statements where it made one; seen on two pairs of processes. */
export const duetSlower = (): ReportInput =>
  duetOf({
    rows: slowRows,
    slowMs: 310,
    processPairs: 2,
    profile: profileOf('readPage', 'backend/tasks/page.ts'),
    why: [
      {
        step: 'task-crud/list',
        effect: 'SQL statements 1 → 21, p95 20.5 → 753 ms',
        moved: ['time in the database 1 ms → 9 ms a request', 'rows 20 → 420 a request'],
        traces: [{ traceId: '0af7651916cd43dd8448eb211c80319c', latencyMs: 912 }],
      },
    ],
  })

export const duetSame = (): ReportInput =>
  duetOf({
    rows: [
      effect(null, 'p95Ms', 'pass', [13.1, 1.01, 0.98, 1.04]),
      effect(null, 'p50Ms', 'pass', [6.02, 1.0, 0.99, 1.01]),
    ],
  })

export const duetOpen = (): ReportInput =>
  duetOf({
    rows: [
      effect(null, 'p95Ms', 'inconclusive', [13.1, 1.06, 0.97, 1.15]),
      effect(null, 'p50Ms', 'pass', [6.02, 1.0, 0.99, 1.01]),
    ],
  })

/** Neither side was ever measured. */
export const duetInvalid = (): ReportInput =>
  duetOf({
    pairs: 0,
    processPairs: 0,
    rows: [
      {
        rule: 'duet',
        step: null,
        metric: 'baseline',
        status: 'invalid',
        code: 'sides-not-prepared',
        message: 'the baseline did not start',
      },
    ],
  })

/** Both sides fail most requests, with text of an attacker in every place that has some. */
export const duetHostile = (): ReportInput =>
  duetOf({
    candidate: hostileText,
    profile: profileOf(hostileText, hostileText),
    rows: [
      effect(hostileText, 'p95Ms', 'fail', [0, 1e9, 0, Infinity]),
      effect(null, hostileText, 'fail', [1, 0.001, 1e-9, 5]),
      effect(null, 'errorRate', 'fail', [1e-300, 1e300, 1e-300, 1e300]),
    ],
    why: [{ step: hostileText, effect: hostileText, moved: [hostileText], traces: [] }],
  })
