import type { RowStatus, Verdict, VerdictRow } from '../../baselines/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import {
  cleanText,
  adviseNextSteps,
  describeCauses,
  formatMetric,
  formatRule,
  toProbeText,
} from '../wording/index.ts'

/**
 * JUnit XML as CI systems read it. CI must agree with the exit code, so every status that ends in an exit
 * code other than 0 is red: `fail` is a `failure`; `invalid` and `inconclusive` are an `error` of that type,
 * because a build that could not be judged has not passed, and a skipped case would be green. Only a
 * `skipped` row is `skipped`.
 */
export function junitReport(input: ReportInput): string {
  const cases = toCases(input)
  const suites = Map.groupBy(cases, ({ suite }) => suite)
  const body = [...suites].map(([name, members]) =>
    element('testsuite', { name, ...countStatuses(members) }, members.map(formatCase)),
  )
  const attributes = { name: `vigil ${cleanText(input.title, 100)}`, ...countStatuses(cases) }
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', attributes, body)}\n`
}

const elements: Record<RowStatus, 'failure' | 'error' | 'skipped' | undefined> = {
  pass: undefined,
  improved: undefined,
  fail: 'failure',
  invalid: 'error',
  inconclusive: 'error',
  skipped: 'skipped',
}

function countStatuses(cases: readonly TestCase[]): Record<string, string | number> {
  const of = (kind: string): number => cases.filter(({ status }) => elements[status] === kind).length
  return {
    tests: cases.length,
    failures: of('failure'),
    errors: of('error'),
    skipped: of('skipped'),
    time: cases.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3),
  }
}

function formatCase({ suite, name, status, message, seconds, detail }: TestCase): string {
  const attributes = { classname: `vigil.${suite}`, name, time: seconds.toFixed(3) }
  const kind = elements[status]
  if (kind === undefined)
    return element('testcase', attributes, [`<system-out>${escapeXml(message)}</system-out>`])
  const why = element(
    kind,
    { ...(kind !== 'skipped' && { type: status }), message },
    // The message is above it already.
    kind === 'skipped' ? [] : (detail.length > 0 ? detail : [message]).map(escapeXml),
  )
  return element('testcase', attributes, [why])
}

/** One test case; `detail` explains its status. */
export interface TestCase {
  suite: string
  name: string
  status: RowStatus
  message: string
  seconds: number
  detail: string[]
}

/**
 * The rows of a verdict as test cases, each with a name of its own: of two cases with one name, a CI system
 * takes the second for a retry of the first. The row of a probe contains the steps of the probe. Where the
 * cases alone would disagree with the exit code (nothing judged, files not written), a case for the verdict
 * is added.
 */
export function toCases(input: ReportInput): TestCase[] {
  // Computed once: all failed rows of a run have the same causes.
  const bySuite = Map.groupBy(input.runs, ({ run }) => run.suite)
  const causesBySuite = new Map(
    [...bySuite].map(([suite, reports]) => [suite, reports.flatMap(({ run }) => describeCauses(run))]),
  )
  const secondsBySuite = new Map(
    [...bySuite].map(([suite, reports]) => [suite, shareTime(suite, reports, input.verdict.rows)]),
  )
  const cases = withOwnNames(
    input.verdict.rows.map((row) => toCase(row, input, { causesBySuite, secondsBySuite })),
  )
  return matchesVerdict(input.verdict, cases) ? cases : [...cases, toVerdictCase(input)]
}

/** A row has the same name in every build, so a number is added only to those that would have one name. */
function withOwnNames(cases: readonly TestCase[]): TestCase[] {
  const taken = new Set<string>()
  return cases.map((given) => {
    let name = given.name
    for (let number = 2; taken.has(`${given.suite}\0${name}`); number += 1) name = `${given.name} (${number})`
    taken.add(`${given.suite}\0${name}`)
    return { ...given, name }
  })
}

/** The time of a suite's runs in equal shares: CI systems add the times of cases up. */
function shareTime(suite: string, reports: readonly RunReport[], rows: readonly VerdictRow[]): number {
  const seconds = reports.reduce((sum, { run }) => sum + run.durationMs / 1000, 0)
  return seconds / Math.max(1, rows.filter((row) => row.rule !== 'probe' && row.suite === suite).length)
}

function toMillis(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

interface BySuite {
  causesBySuite: ReadonlyMap<string, string[]>
  secondsBySuite: ReadonlyMap<string, number>
}

function toCase(row: VerdictRow, input: ReportInput, { causesBySuite, secondsBySuite }: BySuite): TestCase {
  const probe = row.rule === 'probe' ? input.probes?.probes.find(({ name }) => name === row.step) : undefined
  return {
    suite: row.rule === 'probe' ? 'probes' : cleanText(row.suite ?? row.rule, 120),
    name: toName(row),
    status: row.status,
    message: formatRule(row),
    // Rounded as it is printed, so that the times of a file add up.
    seconds: toMillis(probe ? probe.durationMs / 1000 : (secondsBySuite.get(row.suite ?? '') ?? 0)),
    detail:
      row.status === 'pass' ? [] : probe ? describeProbe(probe) : (causesBySuite.get(row.suite ?? '') ?? []),
  }
}

// With its rule: a metric of a step can be judged by its budget and against the baseline.
function toName(row: VerdictRow): string {
  const { rule, metric, step } = row
  if (rule === 'probe') return cleanText(step ?? metric, 120)
  const what = metric === rule ? '' : `: ${cleanText(formatMetric(row), 60)}`
  return `${cleanText(rule, 60)}${what}${step === null ? '' : ` of ${cleanText(step, 120)}`}`
}

function describeProbe(probe: Parameters<typeof toProbeText>[0]): string[] {
  return toProbeText(probe).steps.map(({ ok, step, status, took, message }) =>
    [ok ? 'ok' : 'FAIL', step, status, took, message].filter((part) => part !== '').join('  '),
  )
}

function matchesVerdict(verdict: Verdict, cases: readonly TestCase[]): boolean {
  const green = !cases.some(
    ({ status }) => status === 'fail' || status === 'invalid' || status === 'inconclusive',
  )
  return (verdict.verdict === 'pass') === green && cases.length > 0
}

function toVerdictCase(input: ReportInput): TestCase {
  const { verdict } = input.verdict
  return {
    suite: 'verdict',
    name: 'verdict',
    status: verdict,
    message: `the verdict is ${verdict}`,
    seconds: 0,
    detail: adviseNextSteps(input),
  }
}

// All that XML 1.0 allows (production 2, Char). Not even a reference like &#8; may stand for one of the
// others, so they go.
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** Escapes text for XML 1.0: forbidden characters and lone surrogates become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(forbidden, '\ufffd')
    .replaceAll(/[&<>"'\t\n\r]/g, (character) => entities[character] ?? character)
}

/** An element with its attributes; children must be XML. */
export function element(
  name: string,
  attributes: Record<string, string | number>,
  children: readonly string[] = [],
): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
  const inner = children.filter((child) => child !== '')
  return inner.length === 0
    ? `<${name}${written.join('')}/>`
    : `<${name}${written.join('')}>\n${inner.join('\n')}\n</${name}>`
}
