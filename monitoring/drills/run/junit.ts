import { element, xmlText } from '../../../reports/junit/xml.ts'
import type { DrillResult } from '../table/drill.ts'
import type { DrillsReport } from './run-drills.ts'
import { byRequirement } from './report.ts'

/** JUnit XML: a case for each drill, one for what was delivered that should not have been, one for each problem of the stage. */
export function drillsJunit({ results, unexpected, problems, seconds }: DrillsReport): string {
  const cases = [
    ...results.toSorted(byRequirement).map(caseOf),
    quietCase(unexpected),
    ...problems.map((problem) =>
      element('testcase', { classname: 'vigil.drill', name: 'stage', time: '0' }, [
        element('error', { type: 'invalid', message: problem }),
      ]),
    ),
  ]
  const failures = results.filter(({ state }) => state === 'failed').length + (unexpected.length > 0 ? 1 : 0)
  const errors = results.filter(({ state }) => state === 'interrupted').length + problems.length
  const counts = { tests: cases.length, failures, errors, skipped: 0, time: seconds.toFixed(1) }
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', { name: 'vigil drill', ...counts }, [element('testsuite', { name: 'drill', ...counts }, cases)])}\n`
}

function caseOf(result: DrillResult): string {
  const time = [
    result.fireSeconds,
    result.deliverSeconds,
    result.escalateSeconds,
    result.resolveSeconds,
  ].reduce<number>((sum, part) => sum + (part ?? 0), 0)
  const attributes = {
    classname: 'vigil.drill',
    name: `${result.requirement} ${result.alert}`,
    time: time.toFixed(1),
  }
  if (result.state === 'passed')
    return element('testcase', attributes, [
      element('system-out', {}, [xmlText(`${result.fault}: delivered to ${result.deliveredTo.join(', ')}`)]),
    ])
  const message = `lost at ${result.hop ?? 'the beginning'}: ${result.why ?? 'interrupted'}`
  return element('testcase', attributes, [
    element(result.state === 'failed' ? 'failure' : 'error', { type: result.hop ?? result.state, message }, [
      xmlText(result.fault),
    ]),
  ])
}

function quietCase(unexpected: readonly string[]): string {
  const attributes = { classname: 'vigil.drill', name: 'nothing fired that should not', time: '0' }
  return unexpected.length === 0
    ? element('testcase', attributes)
    : element('testcase', attributes, [
        element('failure', { type: 'unexpected', message: unexpected[0] ?? '' }, unexpected.map(xmlText)),
      ])
}
