import { recentRuns } from './baseline.ts'
import type { AcceptedRun, Baseline } from './baseline.ts'
import { buildReadings } from './readings.ts'
import type { Reading } from './reading.ts'
import { estimateDifference, numberSessions } from './sessions.ts'
import type { SessionValue } from './sessions.ts'
import { pValueBetter, pValueWorse } from '../compare/effect.ts'
import type { Effect } from '../compare/effect.ts'
import { compareErrors } from '../compare/errors.ts'
import type { ErrorComparison } from '../compare/errors.ts'
import { adjustByHolm } from '../compare/error-control.ts'

/** Chance of a false fail over all tests of one run. */
export const baselineAlpha = 0.003
/** Loss accepted since the anchor: twice what one release may lose. */
export const anchorMargin = 0.1
/** Slow drift is measured over this many of the newest sessions, with this run's. */
const newestSessions = 3

/** One question about a run, answered. */
export interface BaselineTest {
  rule: 'baseline' | 'anchor'
  reading: Reading
  effect: Effect
  /** Loss accepted, as a logarithm. */
  limit: number
  /** Adjusted by Holm for all tests of this run. */
  pWorse: number
  pBetter: number
}

export interface BaselineTests {
  tests: BaselineTest[]
  errors: ErrorComparison & { pAdjusted: number; pAdjustedBetter: number }
  /** The level of a single significant test in the family. */
  alphaOfOne: number
}

/** A run and the runs that it is compared with, all with the same steps, oldest first. */
export interface Sides {
  baseline: Baseline
  run: AcceptedRun
}

type Question = Omit<BaselineTest, 'pWorse' | 'pBetter'>

/** Compares a run with the newest accepted runs, and those and the run with the anchor. */
export function testAgainstBaseline({ baseline, run }: Sides): BaselineTests {
  const { runs: accepted, anchor, load } = baseline
  const ordered = [...accepted, run]
    .map(({ startedAt }, index) => ({ at: Date.parse(startedAt), index }))
    .toSorted((a, b) => a.at - b.at)
  const numbers = numberSessions(ordered.map(({ at }) => at))
  const sessionOf = new Map(ordered.map(({ index }, place) => [index, numbers[place] ?? 0]))
  const runSession = sessionOf.get(accepted.length) ?? 0
  const isRecent = (index: number): boolean => index >= accepted.length - recentRuns
  const isAnchor = (index: number): boolean => anchor.runs.includes(accepted[index]?.id ?? '')
  const questions = buildReadings(accepted, run, load.model).flatMap((reading): Question[] => {
    const dated = reading.accepted
      .map((value, index) => ({ value, index, session: sessionOf.get(index) ?? 0 }))
      .filter(({ value }) => Number.isFinite(value))
    const own: SessionValue = { value: reading.run, session: runSession }
    if (dated.length === 0 || !Number.isFinite(own.value)) return []
    const recent = dated.filter(({ index }) => isRecent(index))
    const since = dated.filter(({ index }) => isRecent(index) && !isAnchor(index))
    const question = (
      rule: Question['rule'],
      earlier: readonly SessionValue[],
      later: readonly SessionValue[],
      margin: number,
    ): Question => ({
      rule,
      reading,
      effect: {
        ...estimateDifference(earlier, later, dated, reading),
        count: earlier.length,
        level: meanOverSessions(earlier),
      },
      limit: Math.log1p(margin),
    })
    const first = dated.filter(({ index }) => isAnchor(index))
    const crept =
      reading.step === null &&
      (reading.metric === 'p50Ms' || reading.metric === 'p95Ms') &&
      since.length > 0 &&
      first.length > 0
    return [
      ...(recent.length > 0 ? [question('baseline', recent, [own], reading.margin)] : []),
      ...(crept ? [question('anchor', first, keepNewestSessions([...since, own]), anchorMargin)] : []),
    ]
  })
  return adjustPValues(
    questions,
    compareErrors(
      accepted.filter((_, index) => isRecent(index)),
      [run],
    ),
  )
}

function keepNewestSessions(values: readonly SessionValue[]): SessionValue[] {
  const sessions = new Set(
    [...new Set(values.map(({ session }) => session))].toSorted((a, b) => a - b).slice(-newestSessions),
  )
  return values.filter(({ session }) => sessions.has(session))
}

function meanOverSessions(values: readonly SessionValue[]): number {
  const means = [...Map.groupBy(values, ({ session }) => session).values()].map(
    (each) => each.reduce((sum, { value }) => sum + value, 0) / each.length,
  )
  return means.reduce((sum, mean) => sum + mean, 0) / means.length
}

function adjustPValues(questions: readonly Question[], errors: ErrorComparison): BaselineTests {
  const worse = adjustByHolm([...questions.map(({ effect }) => pValueWorse(effect)), errors.pValue])
  const better = adjustByHolm([...questions.map(({ effect }) => pValueBetter(effect)), errors.pValueBetter])
  return {
    tests: questions.map((question, index) => ({
      ...question,
      pWorse: worse[index] ?? 1,
      pBetter: better[index] ?? 1,
    })),
    errors: {
      ...errors,
      pAdjusted: worse[questions.length] ?? 1,
      pAdjustedBetter: better[questions.length] ?? 1,
    },
    alphaOfOne: baselineAlpha / (questions.length + 1),
  }
}
