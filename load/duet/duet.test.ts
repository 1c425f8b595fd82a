import { expect, it } from 'vitest'
import { unitsOf } from '../../baselines/duet/testing/units.ts'
import type { SideShape } from '../../baselines/duet/testing/units.ts'
import { judgeDuet } from '../../baselines/duet/index.ts'
import { combineUnits as unitsIn } from './attempt.ts'
import type { DuetRequest, DuetWorld, AttemptPlan, AttemptResult } from './attempt.ts'
import { runDuet } from './duet.ts'
import type { DuetOutcome } from './duet.ts'
import type { MeasuredUnit } from './load.ts'

const request = { run: 'duet', source: { kind: 'processes' }, rules: {}, pairs: 12, deadlineMs: 1000 }
// What is asked of the world and of the request before anything is measured; the rest is for measuring.
const world = (nowMs = 0): DuetWorld =>
  Object.assign(Object.create(null), {
    random: () => 0,
    monotonicMs: () => nowMs,
    signal: new AbortController().signal,
    progress: { phase: () => undefined },
  })

const asked = (over: Partial<DuetRequest> = {}): DuetRequest =>
  Object.assign(Object.create(null), request, over)

/** Measures what each pair of processes is said to be like, as the real one does: unit after unit, until a look is sure. */
function measuring(...candidates: SideShape[]) {
  const asks: Pick<AttemptPlan, 'attempt' | 'order' | 'confirming'>[] = []
  const measureOn = async (
    { rules }: DuetRequest,
    { attempt, order, earlier, looks, planned, sure, confirming }: AttemptPlan,
  ): Promise<AttemptResult> => {
    asks.push({ attempt, order, ...(confirming === true && { confirming }) })
    const shapes = unitsOf({ units: 100, candidate: candidates[attempt] ?? {} })
    const units: MeasuredUnit[] = []
    let verdict: AttemptResult['verdict']
    for (const look of looks) {
      while (earlier.length + units.length < look.pairs) {
        const [baseline, candidate] = [shapes.baseline[units.length], shapes.candidate[units.length]]
        if (!baseline || !candidate) throw new Error('too few units were made up')
        units.push({ runs: { baseline, candidate }, exact: {} })
      }
      verdict = judgeDuet(unitsIn([...earlier, ...units]), {
        ...rules,
        alpha: look.alpha,
        confidence: look.confidence,
      })
      if (sure(verdict, look, planned)) break
    }
    return { units, verdict, end: { state: 'ended' } }
  }
  return { asks, measureOn }
}

async function outcomeOf(
  plan: DuetRequest,
  { measureOn }: ReturnType<typeof measuring>,
  nowMs = 0,
): Promise<DuetOutcome> {
  const end = await runDuet(plan, world(nowMs), measureOn)
  if (end.state === 'usage-error') throw new Error(end.reason)
  return end.outcome
}

/** Just within the margin: too near to it for a dozen pairs. */
const undecided: SideShape = { slower: 1.037 }

it('is decided on one pair of processes where that passes', async () => {
  const on = measuring({})
  expect(await outcomeOf(asked(), on)).toMatchObject({ verdict: { verdict: 'pass' }, processPairs: 1 })
  expect(on.asks).toEqual([{ attempt: 0, order: ['baseline', 'candidate'] }])
})

it('goes on with a fresh pair of processes, started in the other order, where it is open; both are judged together', async () => {
  const on = measuring(undecided, { slower: 0.99 })
  const outcome = await outcomeOf(asked(), on)
  expect(on.asks).toEqual([
    { attempt: 0, order: ['baseline', 'candidate'] },
    { attempt: 1, order: ['candidate', 'baseline'] },
  ])
  expect(outcome.units.baseline).toHaveLength(24)
  expect(outcome.loadSeconds.decided).toBe(outcome.loadSeconds.all)
  expect(outcome.verdict.verdict).not.toBe('fail')
  expect(
    outcome.verdict.rows.find(({ step, metric }) => step === null && metric === 'p50Ms')?.ratio,
  ).toBeCloseTo(1.02, 1)
})

it('confirms a fail on a fresh pair of processes, and takes it back where it does not come again', async () => {
  const real = measuring({ slower: 1.2 }, { slower: 1.2 })
  expect(await outcomeOf(asked(), real)).toMatchObject({ verdict: { verdict: 'fail' }, processPairs: 2 })
  expect(real.asks).toEqual([
    { attempt: 0, order: ['baseline', 'candidate'] },
    { attempt: 1, order: ['candidate', 'baseline'], confirming: true },
  ])
  expect(await outcomeOf(asked(), measuring({ slower: 1.2 }, {}))).toMatchObject({
    verdict: { verdict: 'inconclusive' },
    processPairs: 2,
  })
})

it('confirms a fail that two pairs of processes came to on a third', async () => {
  const on = measuring(undecided, { slower: 1.3 }, { slower: 1.2 })
  expect(await outcomeOf(asked(), on)).toMatchObject({ verdict: { verdict: 'fail' }, processPairs: 3 })
  expect(
    on.asks.map(({ attempt, order: [first], confirming = false }) => [attempt, first, confirming]),
  ).toEqual([
    [0, 'baseline', false],
    [1, 'candidate', false],
    [2, 'baseline', true],
  ])
})

it.each([
  ['its time is up', asked(), 2000],
  ['it was asked for one pair of processes and no more', asked({ once: true }), 0],
])('stays open where %s', async (_what, plan, nowMs) => {
  expect(await outcomeOf(plan, measuring(undecided), nowMs)).toMatchObject({
    verdict: { verdict: 'inconclusive' },
    processPairs: 1,
  })
})

it.each([0, 5])(
  'stays open as the last look left it where the time is up %i units after it: that is no look',
  async (more) => {
    const on = measuring(undecided)
    const end = await runDuet(asked(), world(), async (plan, looking) => {
      const measured = await on.measureOn(plan, looking)
      return looking.attempt === 0
        ? measured
        : { ...measured, units: measured.units.slice(0, more), verdict: undefined }
    })
    expect(end).toMatchObject({
      outcome: {
        verdict: { verdict: 'inconclusive' },
        processPairs: 2,
        units: { baseline: { length: 12 + more } },
      },
    })
  },
)

it('measures services that run elsewhere in one go: they cannot be started afresh', async () => {
  const on = measuring(undecided)
  const urls = {
    kind: 'urls',
    urls: { baseline: 'http://a', candidate: 'http://b' },
    metrics: undefined,
    token: undefined,
  } as const
  const outcome = await outcomeOf(asked({ source: urls }), on)
  expect(on.asks).toHaveLength(1)
  expect(outcome.units.baseline.length).toBeGreaterThan(12)
  expect(
    (await outcomeOf(asked({ source: urls, once: true }), measuring(undecided))).units.baseline,
  ).toHaveLength(12)
})
