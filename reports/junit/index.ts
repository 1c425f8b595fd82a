import type { RowStatus } from '../../baselines/index.ts'
import type { ReportInput } from '../input.ts'
import { plain } from '../wording/index.ts'
import { casesOf } from './cases.ts'
import type { Case } from './cases.ts'
import { element, xmlText } from './xml.ts'

/**
 * JUnit XML as CI systems read it. CI must show what the exit code says, so every status that ends in another code than 0
 * is red: `fail` is a `failure`; `invalid` and `inconclusive` are an `error` of that type, since a build that could not be
 * judged has not passed, and a skipped case would show it green. Only a `skipped` row is `skipped`.
 */
export function junitReport(input: ReportInput): string {
  const cases = casesOf(input)
  const suites = Map.groupBy(cases, ({ suite }) => suite)
  const body = [...suites].map(([name, members]) =>
    element('testsuite', { name, ...counts(members) }, members.map(testcase)),
  )
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', { name: `vigil ${plain(input.title, 100)}`, ...counts(cases) }, body)}\n`
}

const elements: Record<RowStatus, 'failure' | 'error' | 'skipped' | undefined> = {
  pass: undefined,
  improved: undefined,
  fail: 'failure',
  invalid: 'error',
  inconclusive: 'error',
  skipped: 'skipped',
}

function counts(cases: readonly Case[]): Record<string, string | number> {
  const of = (kind: string): number => cases.filter(({ status }) => elements[status] === kind).length
  return {
    tests: cases.length,
    failures: of('failure'),
    errors: of('error'),
    skipped: of('skipped'),
    time: cases.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3),
  }
}

function testcase({ suite, name, status, message, seconds, detail }: Case): string {
  const attributes = { classname: `vigil.${suite}`, name, time: seconds.toFixed(3) }
  const kind = elements[status]
  if (kind === undefined)
    return element('testcase', attributes, [`<system-out>${xmlText(message)}</system-out>`])
  const why = element(
    kind,
    { ...(kind !== 'skipped' && { type: status }), message },
    kind === 'skipped' ? [] : [message, ...detail].map(xmlText),
  )
  return element('testcase', attributes, [why])
}
