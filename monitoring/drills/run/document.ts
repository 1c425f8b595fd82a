import type { DrillsReport } from './run-drills.ts'
import { byRequirement } from './report.ts'

/** What `--json` prints. Seconds are of the drills' clock. */
export function drillsDocument(report: DrillsReport, speed: number): object {
  return {
    schema: 'vigil.drills/1',
    verdict: verdictOf(report),
    speed,
    seconds: report.seconds,
    drills: report.results.toSorted(byRequirement),
    unexpected: report.unexpected,
    problems: report.problems,
  }
}

/** `invalid`: the stage could not be relied on, so nothing is known about the alerts. */
export function verdictOf({ results, unexpected, problems }: DrillsReport): 'pass' | 'fail' | 'invalid' {
  if (problems.length > 0 || results.length === 0 || results.some(({ state }) => state === 'interrupted'))
    return 'invalid'
  return unexpected.length > 0 || results.some(({ state }) => state === 'failed') ? 'fail' : 'pass'
}
