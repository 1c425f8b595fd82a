import { expect, it } from 'vitest'
import { unitsOf } from '../../baselines/duet/testing/units.ts'
import type { SideShape } from '../../baselines/duet/testing/units.ts'
import { judgeDuet } from '../../baselines/duet/index.ts'
import { combineUnits } from './attempt.ts'
import type { DuetRequest, DuetWorld, AttemptPlan, AttemptResult } from './attempt.ts'
import { runDuet } from './duet.ts'
import type { DuetOutcome } from './duet.ts'
import type { MeasuredUnit } from './follow.ts'
import { defaultPace } from './warm.ts'

// At this rate, units of half the length have too few journeys.
const suite = { pace: defaultPace, ratePerSecond: 10 }
const request = {
  run: 'duet',
  source: { kind: 'processes' },
  suite,
  rules: {},
  pairs: 12,
  deadlineMs: 1000,
}
// Only the parts of the world and of the request that are used outside of measuring.
const world = (nowMs = 0): DuetWorld =>
  Object.assign(Object.create(null), {
    random: () => 0,
    monotonicMs: () => nowMs,
    signal: new AbortController().signal,
    progress: { phase: () => undefined },
  })

const requestWith = (over: Partial<DuetRequest> = {}): DuetRequest =>
  Object.assign(Object.create(null), request, over)

/** Simulates the measurement of each pair of processes: unit after unit, until an analysis decides. */
function simulate(...candidates: SideShape[]) {
  return simulateWith({}, ...candidates)
}

/** `half`: what the second half of the baseline's own journeys is like. */
function simulateWith(half: SideShape, ...candidates: SideShape[]) {
  const plans: Pick<AttemptPlan, 'attempt' | 'order' | 'confirming'>[] = []
  const paces: { unitMs: number; flatUnits?: number; analyses: number[] }[] = []
  const measure = async (
    { rules, suite: { pace } }: DuetRequest,
    { attempt, order, earlier, analyses, planned, isDecided, confirming }: AttemptPlan,
  ): Promise<AttemptResult> => {
    plans.push({ attempt, order, ...(confirming === true && { confirming }) })
    paces.push({ ...pace, analyses: analyses.map(({ pairs }) => pairs) })
    const shapes = unitsOf({ units: 100, candidate: candidates[attempt] ?? {} })
    const halves = unitsOf({ units: 100, candidate: half })
    const units: MeasuredUnit[] = []
    let verdict: AttemptResult['verdict']
    for (const analysis of analyses) {
      while (earlier.length + units.length < analysis.pairs) {
        const [baseline, candidate] = [shapes.baseline[units.length], shapes.candidate[units.length]]
        if (!baseline || !candidate) throw new Error('too few units were simulated')
        const [first, second] = [halves.baseline[units.length], halves.candidate[units.length]]
        units.push({
          runs: { baseline, candidate },
          exact: {},
          ...(first && second && { control: { first, second } }),
        })
      }
      verdict = judgeDuet(combineUnits([...earlier, ...units]), {
        ...rules,
        alpha: analysis.alpha,
        confidence: analysis.confidence,
      })
      if (isDecided(verdict, analysis, planned)) break
    }
    return { units, verdict, end: { state: 'ok' } }
  }
  return { plans, paces, measure }
}

async function outcomeOf(
  plan: DuetRequest,
  { measure }: ReturnType<typeof simulate>,
  nowMs = 0,
): Promise<DuetOutcome> {
  const end = await runDuet(plan, world(nowMs), measure)
  if (end.state === 'usage-error') throw new Error(end.reason)
  return end.outcome
}

/** Just within the margin: too close to it for a dozen pairs. */
const undecided: SideShape = { slower: 1.037 }

it('is decided on one pair of processes when that passes', async () => {
  const on = simulate({})
  expect(await outcomeOf(requestWith(), on)).toMatchObject({ verdict: { verdict: 'pass' }, processPairs: 1 })
  expect(on.plans).toEqual([{ attempt: 0, order: ['baseline', 'candidate'] }])
})

it('continues with a fresh pair of processes, started in the other order, when it is undecided', async () => {
  const on = simulate(undecided, { slower: 0.99 })
  const outcome = await outcomeOf(requestWith(), on)
  expect(on.plans).toEqual([
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

it.each([
  [301, 2],
  [300, 1],
])(
  'with %i ms left starts as many as %i pairs of processes, each of which is warm in 301 ms',
  async (leftMs, pairs) => {
    const on = simulate(undecided, { slower: 0.99 })
    let nowMs = 0
    const clock = Object.assign(world(), { monotonicMs: () => nowMs })
    const end = await runDuet(requestWith({ deadlineMs: 40_000 }), clock, async (plan, attempt) => {
      const measured = await on.measure(plan, attempt)
      const loadMs = measured.units.reduce((sum, { runs }) => sum + (runs.baseline.durationMs ?? 0), 0)
      if (attempt.attempt === 0) {
        expect(loadMs).toBeGreaterThan(0)
        Object.assign(plan, { deadlineMs: loadMs + 301 + leftMs })
      }
      nowMs += 301 + loadMs
      return measured
    })
    expect(end).toMatchObject({ state: 'ok', outcome: { processPairs: pairs } })
  },
)

it('confirms a fail on a fresh pair of processes, and is inconclusive when it is not repeated', async () => {
  const real = simulate({ slower: 1.2 }, { slower: 1.2 })
  expect(await outcomeOf(requestWith(), real)).toMatchObject({
    verdict: { verdict: 'fail' },
    processPairs: 2,
  })
  expect(real.plans).toEqual([
    { attempt: 0, order: ['baseline', 'candidate'] },
    { attempt: 1, order: ['candidate', 'baseline'], confirming: true },
  ])
  expect(await outcomeOf(requestWith(), simulate({ slower: 1.2 }, {}))).toMatchObject({
    verdict: { verdict: 'inconclusive' },
    processPairs: 2,
  })
})

it.each([0, 3])('is inconclusive when the time is over after %i units of the confirmation', async (units) => {
  const on = simulate({ slower: 1.2 }, { slower: 1.2 })
  const end = await runDuet(requestWith(), world(), async (plan, attempt) => {
    const measured = await on.measure(plan, attempt)
    return attempt.confirming === true
      ? { ...measured, units: measured.units.slice(0, units), verdict: undefined }
      : measured
  })
  expect(end).toMatchObject({ outcome: { verdict: { verdict: 'inconclusive' }, processPairs: 2 } })
  expect(JSON.stringify(end)).toContain(`the time ran out after ${units} of 12 pairs on a fresh one`)
})

it('confirms the fail of two pairs of processes on a third', async () => {
  const on = simulate(undecided, { slower: 1.3 }, { slower: 1.2 })
  expect(await outcomeOf(requestWith(), on)).toMatchObject({ verdict: { verdict: 'fail' }, processPairs: 3 })
  expect(
    on.plans.map(({ attempt, order: [first], confirming = false }) => [attempt, first, confirming]),
  ).toEqual([
    [0, 'baseline', false],
    [1, 'candidate', false],
    [2, 'baseline', true],
  ])
})

it.each([
  ['its time is over', requestWith(), 2000],
  ['only one pair of processes was requested', requestWith({ once: true }), 0],
])('stays undecided when %s', async (_what, plan, nowMs) => {
  expect(await outcomeOf(plan, simulate(undecided), nowMs)).toMatchObject({
    verdict: { verdict: 'inconclusive' },
    processPairs: 1,
  })
})

it.each([0, 5])(
  'keeps the verdict of the last analysis when the time is over %i units after it',
  async (more) => {
    const on = simulate(undecided)
    const end = await runDuet(requestWith(), world(), async (plan, attempt) => {
      const measured = await on.measure(plan, attempt)
      return attempt.attempt === 0
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

it('measures services that run elsewhere once: they cannot be restarted', async () => {
  const on = simulate(undecided)
  const urls = {
    kind: 'urls',
    urls: { baseline: 'http://a', candidate: 'http://b' },
    metrics: undefined,
    token: undefined,
  } as const
  const outcome = await outcomeOf(requestWith({ source: urls }), on)
  expect(on.plans).toHaveLength(1)
  expect(outcome.units.baseline.length).toBeGreaterThan(12)
  expect(
    (await outcomeOf(requestWith({ source: urls, once: true }), simulate(undecided))).units.baseline,
  ).toHaveLength(12)
})

it('compares the baseline with itself, and states how precise this machine is now', async () => {
  const { control, verdict } = await outcomeOf(requestWith(), simulate({}))
  expect([verdict.verdict, control?.verdict]).toEqual(['pass', 'pass'])
  expect(control?.text).toMatch(/p50 [+−][\d.]+ % \(this machine, now: ±\d\.\d %\), p95 /)
})

it.each([
  ['passes', {}],
  ['fails', { slower: 1.2 }],
])('is invalid when its control finds a difference, and the candidate %s', async (_, candidate) => {
  const on = simulateWith({ slower: 1.2 }, candidate, candidate)
  const { verdict } = await outcomeOf(requestWith(), on)
  expect(verdict.verdict).toBe('invalid')
  expect(verdict.rows[0]).toMatchObject({
    rule: 'control',
    code: 'control-failed',
    message: expect.stringMatching(/halves of the baseline's own requests differ \(.*\+2\d %/),
  })
})

it('is not judged by a control that is only undecided', async () => {
  const { control, verdict } = await outcomeOf(requestWith(), simulateWith(undecided, {}))
  expect([control?.verdict, verdict.verdict]).toEqual(['inconclusive', 'pass'])
})

it('confirms with units of half the length where they have enough journeys', async () => {
  const on = simulate({ slower: 1.3 }, { slower: 1.3 })
  const fast = { ...suite, ratePerSecond: 30 }
  await outcomeOf(requestWith({ suite: Object.assign(Object.create(null), fast), pairs: 24 }), on)
  const [deciding, confirming] = on.paces
  expect(deciding).toMatchObject({ unitMs: 2500 })
  expect(confirming).toMatchObject({
    unitMs: 1250,
    minWarmUpMs: 10_000,
    flatUnits: 6,
    analyses: [8, 16, 24, 32, 48],
  })
})

it('stops a pair of processes while the next one is measured, and ends when all have stopped', async () => {
  const { measure } = simulate({ slower: 1.4 }, { slower: 1.4 })
  const events: string[] = []
  const stops: (() => void)[] = []
  await runDuet(requestWith(), world(), async (duet, plan) => {
    const { attempt } = plan
    events.push(`pair ${attempt} measured`)
    const stopped = new Promise<void>((resolve) => {
      stops.push(() => {
        events.push(`pair ${attempt} stopped`)
        resolve()
      })
    })
    // The last one, and then the others.
    if (attempt === 1) for (const stop of stops.toReversed()) setImmediate(stop)
    return { ...(await measure(duet, plan)), stopped }
  })
  expect(events).toEqual(['pair 0 measured', 'pair 1 measured', 'pair 1 stopped', 'pair 0 stopped'])
})
