import type { RowStatus, Verdict, VerdictRow } from '../../baselines/index.ts'
import type { ReportInput } from '../input.ts'
import { adviceOf, causes, plain, probeText, ruleLine } from '../wording/index.ts'

/** One test case; `why` says what its status came from. */
export interface Case {
  suite: string
  name: string
  status: RowStatus
  message: string
  seconds: number
  detail: string[]
}

/**
 * The rows of a verdict as test cases. A probe's row carries the probe's steps. Where the cases alone would show CI
 * another colour than the exit code (nothing judged, files not written), a case of the verdict itself says it.
 */
export function casesOf(input: ReportInput): Case[] {
  // Worked out once: a run with hundreds of broken rows has the same causes in each.
  const bySuite = Map.groupBy(input.runs, ({ run }) => run.suite)
  const causesBySuite = new Map(
    [...bySuite].map(([suite, reports]) => [suite, reports.flatMap(({ run }) => causes(run))]),
  )
  const cases = input.verdict.rows.map((row) => caseOf(row, input, causesBySuite))
  return agrees(input.verdict, cases) ? cases : [...cases, verdictCase(input)]
}

function caseOf(row: VerdictRow, input: ReportInput, causesBySuite: ReadonlyMap<string, string[]>): Case {
  const probe = row.rule === 'probe' ? input.probes?.probes.find(({ name }) => name === row.step) : undefined
  return {
    suite: row.rule === 'probe' ? 'probes' : plain(row.suite ?? row.rule, 120),
    name:
      row.rule === 'probe'
        ? plain(row.step ?? row.metric, 120)
        : [plain(row.metric, 60), ...(row.step === null ? [] : [plain(row.step, 120)])].join(' '),
    status: row.status,
    message: ruleLine(row),
    seconds: probe ? probe.durationMs / 1000 : 0,
    detail:
      row.status === 'pass' ? [] : probe ? probeDetail(probe) : (causesBySuite.get(row.suite ?? '') ?? []),
  }
}

function probeDetail(probe: Parameters<typeof probeText>[0]): string[] {
  return probeText(probe).steps.map(({ ok, step, status, took, message }) =>
    [ok ? 'ok' : 'FAIL', step, status, took, message].filter((part) => part !== '').join('  '),
  )
}

function agrees(verdict: Verdict, cases: readonly Case[]): boolean {
  const green = !cases.some(
    ({ status }) => status === 'fail' || status === 'invalid' || status === 'inconclusive',
  )
  return (verdict.verdict === 'pass') === green && cases.length > 0
}

function verdictCase(input: ReportInput): Case {
  const { verdict } = input.verdict
  return {
    suite: 'verdict',
    name: 'verdict',
    status: verdict,
    message: `the verdict is ${verdict}`,
    seconds: 0,
    detail: adviceOf(input),
  }
}
