import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareRuns } from '../../baselines/compare/index.ts'
import { explainFail } from '../../baselines/why/index.ts'
import { checkComparableRun } from '../../record/documents/index.ts'
import type { DuetOutcome } from './duet.ts'
import type { PairProfile } from './profile.ts'
import type { RunningSide } from './processes/side.ts'
import { openWorkbench } from './testing/workbench.ts'
import type { Workbench } from './testing/workbench.ts'

type Profiled = Extract<PairProfile, { state: 'ok' }>
type Change = Profiled['comparison']['changes'][number]

let bench: Workbench
let service: RunningSide

beforeAll(async () => {
  bench = await openWorkbench()
  service = await bench.start({})
})
afterAll(async () => bench.end())

describe('a duet of a service with a slower copy', () => {
  let outcome: DuetOutcome
  beforeAll(async () => {
    outcome = await bench.duet(service, await bench.start({ SLOW_MS: '40' }))
  })

  it('fails at the slower step, which explains it, and is confirmed', () => {
    expect(outcome.verdict.verdict).toBe('fail')
    expect(outcome.processPairs).toBe(2)
    expect(
      outcome.verdict.rows
        .filter((row) => row.status === 'fail' && row.step !== null)
        .map(({ step }) => step),
    ).toContain('visit/slow')
    // That no other step fails depends on the noise of this machine: simulated runs test it.
    expect(explainFail(outcome.verdict, outcome.units)[0]).toMatchObject({ step: 'visit/slow' })
  })

  it('keeps records with equally many requests on both sides, which vigil compare judges alike', () => {
    const { baseline, candidate } = outcome.units
    for (const [index, run] of [...baseline, ...candidate].entries())
      expect(checkComparableRun(JSON.parse(JSON.stringify(run)), String(index)).state).toBe('ok')
    expect(baseline.map(({ totals }) => totals.requests)).toEqual(
      candidate.map(({ totals }) => totals.requests),
    )
    expect(compareRuns(baseline, candidate).verdict).toBe('fail')
  })
})

/**
 * The profile of a duet that failed. Undefined on a machine whose cores are taken: what cannot be measured is
 * not profiled.
 */
function profileOf({ verdict, profile }: DuetOutcome): Profiled['comparison'] | undefined {
  if (verdict.verdict === 'invalid') {
    expect(['generator-saturated', 'control-failed']).toContain(verdict.rows[0]?.code)
    expect(profile).toBeUndefined()
    return undefined
  }
  expect(verdict.verdict).toBe('fail')
  if (profile?.state !== 'ok') throw new Error(profile?.reason ?? 'no profile')
  return profile.comparison
}

/**
 * The function whose own time grew most, and whether by more than all others together changed. What has no
 * file is no function: it is V8's own time, which grows with what else a busy machine does. Neither a slow
 * machine nor a stall moves the cost of a function to another one.
 */
function findCause({ changes }: Profiled['comparison']): { cause: Change | undefined; dominates: boolean } {
  const functions = changes.filter(({ file }) => file !== '')
  const [cause] = functions
  const [grown = 0, ...others] = functions.map(({ selfMs }) => selfMs.candidate - selfMs.baseline)
  return { cause, dominates: grown > others.reduce((sum, change) => sum + Math.abs(change), 0) }
}

it('names where a candidate costs more CPU time, after its verdict', async () => {
  // Milliseconds in each answer, where the others cost next to nothing. More statements need no confirmation.
  const profile = profileOf(await bench.duetOfProcesses({ SPINS: '2000000', STATEMENTS: '21' }))
  if (profile === undefined) return
  const { cause, dominates } = findCause(profile)
  // The spin itself, or the function that V8 has inlined it into.
  expect(cause?.file).toMatch(/load\/duet\/testing\/service\.mjs$/)
  expect(dominates, JSON.stringify(profile.changes)).toBe(true)
})

it('names the function of a dependency whose upgrade costs more CPU time', async () => {
  // A function that calls itself is not inlined into its caller.
  const version = (depth: number): string =>
    `const sum = (n) => (n < 2 ? n : sum(n - 1) + sum(n - 2))\nexports.work = () => sum(${depth})\n`
  const profile = profileOf(await bench.duetOfDependency({ baseline: version(5), candidate: version(26) }))
  if (profile === undefined) return
  const { cause, dominates } = findCause(profile)
  expect(cause).toMatchObject({ file: 'node_modules/answer/index.js', name: 'sum', line: { candidate: 1 } })
  expect(dominates, JSON.stringify(profile.changes)).toBe(true)
})

it('does not fail against itself', async () => {
  const { verdict } = await bench.duet(service, service)
  expect(verdict.verdict, JSON.stringify(verdict.rows)).not.toBe('fail')
  expect(
    verdict.rows.filter((row) => row.rule === 'exact' && row.status === 'pass').length,
  ).toBeGreaterThanOrEqual(4)
})

it('fails without confirmation for more SQL statements in an answer, even at the same latency', async () => {
  const { verdict, processPairs } = await bench.duet(service, await bench.start({ STATEMENTS: '21' }))
  expect(verdict.verdict).toBe('fail')
  expect(processPairs).toBe(1)
  expect(verdict.rows).toContainEqual(
    expect.objectContaining({
      rule: 'exact',
      step: 'visit/slow',
      metric: 'statements',
      status: 'fail',
      baseline: 1,
      candidate: 21,
    }),
  )
})
