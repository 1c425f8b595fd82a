import { describe, expect, it } from 'vitest'
import { comparisonDefaults, compareRuns } from '../compare/index.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import {
  confirms,
  planDuetAnalyses,
  isDisturbed,
  isDecided,
  hasTooManyDisturbed,
  judgeDuet,
  needsConfirmation,
  compareWithKnownChange,
  selectBisectRow,
  toUnconfirmed,
} from './index.ts'
import { unitsOf } from './testing/units.ts'
import type { DuetShape, SideShape } from './testing/units.ts'

const judge = (shape: Omit<DuetShape, 'units'> & { units?: number }): Verdict =>
  judgeDuet({ ...unitsOf({ units: 12, ...shape }), exact: {} })
const rowsOf = (verdict: Verdict, rule: string): VerdictRow[] =>
  verdict.rows.filter((row) => row.rule === rule)

describe('a duet is judged', () => {
  it('as any comparison of its records', () => {
    const units = unitsOf({ units: 12, candidate: { slower: 1.2 } })
    const compared = compareRuns(units.baseline, units.candidate)
    const judged = judgeDuet({ ...units, exact: {} })
    expect(judged.verdict).toBe('fail')
    expect(rowsOf(judged, 'comparison')).toEqual(compared.rows)
  })

  it('as a pass where nothing changed', () => {
    expect(judge({ baseline: { cpuMs: 1 }, candidate: { cpuMs: 1.02 } }).verdict).toBe('pass')
  })

  it('by CPU time too, with a margin of its own', () => {
    expect(rowsOf(judge({ baseline: { cpuMs: 1 }, candidate: { cpuMs: 1.3 } }), 'cpu')).toMatchObject([
      { status: 'fail', metric: 'cpuMsPerRequest', margin: 0.1 },
    ])
    expect(rowsOf(judge({ baseline: { cpuMs: 1 }, candidate: { cpuMs: 1.06 } }), 'cpu')).toMatchObject([
      { status: 'pass' },
    ])
    expect(rowsOf(judge({ baseline: { cpuMs: 1 }, candidate: { cpuMs: 0.7 } }), 'cpu')).toMatchObject([
      { status: 'improved' },
    ])
    expect(rowsOf(judge({}), 'cpu')).toEqual([])
    const database = (ms: number): SideShape => ({ cpuMs: 1, server: { databaseCpuMsPerRequest: ms } })
    expect(rowsOf(judge({ baseline: database(0.2), candidate: database(0.3) }), 'cpu')).toMatchObject([
      {
        status: 'fail',
        metric: 'databaseCpuMsPerRequest',
        message: expect.stringMatching(
          /^CPU of the database per request 0\.200 → 0\.300 ms: \+50 %/,
        ) as string,
      },
      { status: 'pass', metric: 'cpuMsPerRequest' },
    ])
    expect(rowsOf(judge({ units: 6, baseline: { cpuMs: 1 }, candidate: { cpuMs: 3 } }), 'cpu')).toEqual([])
  })
})

describe('a load that was not what it should be', () => {
  it('is a fail by throughput when the candidate kept the users waiting', () => {
    const verdict = judge({ droppedArrivals: 20, candidate: { busyUsers: 40 } })
    expect(verdict.verdict).toBe('fail')
    expect(rowsOf(verdict, 'load')).toMatchObject([
      {
        status: 'fail',
        metric: 'throughputRps',
        message: expect.stringContaining('the candidate is saturated'),
      },
    ])
  })

  it('is invalid when the baseline did, or neither', () => {
    expect(judge({ droppedArrivals: 20, baseline: { busyUsers: 40 } }).verdict).toBe('invalid')
    expect(judge({ droppedArrivals: 20 }).verdict).toBe('invalid')
  })

  it('is as it should be when none was dropped', () => {
    expect(rowsOf(judge({ droppedArrivals: 0 }), 'load')).toEqual([])
  })

  it('makes a unit of no use when the machine stood still, and of use when one side did', () => {
    const disturbed = (droppedArrivals: number, baseline: number, candidate: number): boolean => {
      const units = unitsOf({
        units: 1,
        droppedArrivals,
        baseline: { busyUsers: baseline },
        candidate: { busyUsers: candidate },
      })
      return units.baseline.some((run, index) => isDisturbed(run, units.candidate[index] ?? run))
    }
    expect([disturbed(3, 5, 6), disturbed(0, 5, 6), disturbed(30, 1, 20), disturbed(30, 20, 1)]).toEqual([
      true,
      false,
      false,
      false,
    ])
    expect([
      hasTooManyDisturbed(4, 0),
      hasTooManyDisturbed(5, 0),
      hasTooManyDisturbed(8, 12),
      hasTooManyDisturbed(9, 12),
    ]).toEqual([false, true, false, true])
  })

  it('is a fail when the candidate breaks so that later steps are never reached', () => {
    const verdict = judge({ candidate: { steps: ['tasks/list'], errorShare: 1 } })
    expect(verdict.verdict).toBe('fail')
    expect(verdict.rows).toContainEqual(
      expect.objectContaining({
        step: 'tasks/read',
        status: 'fail',
        message: expect.stringContaining('never reached on the candidate'),
      }),
    )
    const unexplained = judge({ candidate: { steps: ['tasks/list'] } })
    expect(unexplained.verdict).toBe('invalid')
    expect(unexplained.rows.filter((row) => row.status === 'fail')).toEqual([])
  })
})

describe('looks', () => {
  it('spend the error of one comparison together, however many pairs are planned', () => {
    for (const pairs of [1, 8, 12, 24, 100]) {
      const looks = planDuetAnalyses(pairs)
      expect(looks.reduce((sum, { alpha }) => sum + alpha, 0)).toBeCloseTo(comparisonDefaults.alpha, 12)
      expect(looks.reduce((sum, { confidence }) => sum + 1 - confidence, 0)).toBeCloseTo(0.05, 12)
      expect(looks.map((look) => look.pairs)).toEqual(
        [...new Set(looks.map((look) => look.pairs))].toSorted((a, b) => a - b),
      )
      expect(looks.at(-1)?.pairs).toBe(2 * Math.max(8, pairs))
      expect(looks.findLast((look) => !look.extends)?.pairs).toBe(Math.max(8, pairs))
    }
  })

  it(
    'end with a fail immediately, and with a pass only when it rules out a loss in every step or ' +
      'has all of its pairs',
    () => {
      const [early = { pairs: 0, alpha: 0, confidence: 0 }, late = early] = [
        planDuetAnalyses()[0],
        planDuetAnalyses()[3],
      ]
      const pass = judge({})
      const vague: Verdict = {
        ...pass,
        rows: [
          ...pass.rows,
          { rule: 'comparison', step: 'a/b', metric: 'p50Ms', status: 'skipped', ratio: 1.01, message: '' },
        ],
      }
      expect(isDecided(judge({ candidate: { slower: 1.2 } }), early, 24)).toBe(true)
      expect(isDecided(vague, early, 24)).toBe(false)
      expect(isDecided(vague, late, 24)).toBe(true)
    },
  )
})

describe('a fail', () => {
  const slower = judge({ candidate: { slower: 1.2 } })
  it('must come again, at the same place, on a fresh pair of processes', () => {
    expect(needsConfirmation(slower)).toBe(true)
    expect(confirms(slower, judge({ candidate: { slower: 1.15 } }))).toBe(true)
    expect(confirms(slower, judge({}))).toBe(false)
    expect(confirms(slower, judge({ baseline: { cpuMs: 1 }, candidate: { cpuMs: 2 } }))).toBe(false)
  })

  it('is no more than undecided when it does not', () => {
    const open = toUnconfirmed(slower, { verdict: judge({}), pairs: 12, planned: 12 })
    expect(open.verdict).toBe('inconclusive')
    expect(open.rows.filter((row) => row.status === 'fail')).toEqual([])
    expect(open.rows[0]?.message).toMatch(/not again on a fresh one \(there [+−]\d/)
  })

  it.each([
    [0, /the time ran out after 0 of 12 pairs on a fresh one$/],
    [11, /the time ran out after 11 of 12 pairs on a fresh one \(there \+1\d/],
  ])('is undecided for want of time after %i of 12 pairs, and names what they showed', (pairs, message) => {
    const confirmation = { verdict: judge({ candidate: { slower: 1.15 } }), pairs, planned: 12 }
    const open = toUnconfirmed(slower, confirmation)
    expect([open.verdict, open.rows[0]?.message]).toEqual(['inconclusive', expect.stringMatching(message)])
  })

  it('by what noise cannot move needs no second pair, unless data could have', () => {
    const withExact = (metric: string): Verdict => ({
      ...slower,
      rows: [...slower.rows, { rule: 'exact', step: 'a/b', metric, status: 'fail', message: '' }],
    })
    expect([needsConfirmation(withExact('statements')), needsConfirmation(withExact('rows'))]).toEqual([
      false,
      true,
    ])
  })
})

describe('a commit of a bisect is classified by the point halfway between the known ones', () => {
  const known = selectBisectRow(judge({ candidate: { slower: 1.2 } })) ?? { rule: '', step: null, metric: '' }
  it.each([
    ['bad', 1.19],
    ['good', 1.01],
    [undefined, Math.sqrt(1.2)],
  ] as const)('%s at %f', (expected, slower) => {
    expect(compareWithKnownChange(known, judge({ candidate: { slower } }))).toBe(expected)
  })

  it('and by its counts where those are known', () => {
    const exact = (candidate: number): VerdictRow => ({
      rule: 'exact',
      step: 'a/b',
      metric: 'statements',
      status: 'pass',
      baseline: 2,
      candidate,
      message: '',
    })
    const verdict = (candidate: number): Verdict => ({
      schema: 'vigil.verdict/1',
      verdict: 'fail',
      rows: [exact(candidate)],
    })
    expect(compareWithKnownChange(exact(12), verdict(12))).toBe('bad')
    expect(compareWithKnownChange(exact(12), verdict(2))).toBe('good')
    expect(compareWithKnownChange(exact(12), { ...verdict(2), rows: [] })).toBeUndefined()
  })
})
