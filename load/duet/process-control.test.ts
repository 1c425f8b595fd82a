import { describe, expect, test } from 'vitest'
import { unitsOf } from '../../baselines/duet/testing/units.ts'
import type { SideShape } from '../../baselines/duet/testing/units.ts'
import type { AttemptPlan, AttemptResult, DuetRequest, DuetWorld } from './attempt.ts'
import type { MeasuredUnit } from './follow.ts'
import { controlProcesses, withProcessControl } from './process-control.ts'

const launch = {
  baseline: { cwd: '/base' },
  candidate: { cwd: '/candidate' },
}
const request: DuetRequest = Object.assign(Object.create(null), {
  run: 'duet',
  source: { kind: 'processes', launch, template: undefined },
  targets: { baseline: { url: 'http://base' }, candidate: { url: 'http://candidate' } },
  rules: {},
  pairs: 24,
  deadlineMs: 1000,
  profile: true,
})
const world = (nowMs: number): DuetWorld =>
  Object.assign(Object.create(null), {
    random: () => 0,
    monotonicMs: () => nowMs,
    progress: { phase: () => undefined },
  })

/** Measures this number of pairs of a second process that is like `second`. */
function measuring(second: SideShape, pairs = 8, end: AttemptResult['end'] = { state: 'ok' }) {
  const asked: { request: DuetRequest; plan: AttemptPlan }[] = []
  const measure = async (one: DuetRequest, plan: AttemptPlan): Promise<AttemptResult> => {
    asked.push({ request: one, plan })
    const shapes = unitsOf({ units: pairs, candidate: second })
    const units = shapes.baseline.flatMap((baseline, index): MeasuredUnit[] => {
      const candidate = shapes.candidate[index]
      return candidate ? [{ runs: { baseline, candidate }, exact: {} }] : []
    })
    return { units, verdict: undefined, end }
  }
  return { asked, measure }
}

const passed = { verdict: { schema: 'vigil.verdict/1' as const, verdict: 'pass' as const, rows: [] } }

describe('a second copy of the baseline', () => {
  test('is started from the baseline on both sides, and not profiled', async () => {
    const { asked, measure } = measuring({})
    const control = await controlProcesses(request, 2, world(0), measure)
    expect(asked[0]).toMatchObject({
      plan: { attempt: 2 },
      request: {
        profile: false,
        source: { launch: { baseline: { cwd: '/base' }, candidate: { cwd: '/base' } } },
        targets: { candidate: { url: 'http://base' } },
      },
    })
    if (control.state !== 'ok') throw new Error(control.reason)
    expect(control.control.text).toMatch(
      /^two processes of the baseline: p50 .* \(this machine, now: ±[\d.]+ %\), p95 /,
    )
    expect(withProcessControl(passed, control).verdict.verdict).toBe('pass')
  })

  test('that is slower makes the verdict invalid, with the difference', async () => {
    const control = await controlProcesses(request, 1, world(0), measuring({ slower: 1.3 }).measure)
    expect(withProcessControl(passed, control).verdict).toMatchObject({
      verdict: 'invalid',
      rows: [
        {
          rule: 'control',
          status: 'invalid',
          code: 'control-failed',
          message: expect.stringMatching(/^two processes of the baseline differ \(/),
        },
      ],
    })
  })

  test.each([
    ['with too few pairs', 0, measuring({}, 5), '5 of 8 pairs were measured in time'],
    [
      'whose load fails',
      0,
      measuring({}, 8, { state: 'failed', side: undefined, reason: 'k6 ended' }),
      'k6 ended',
    ],
    ['after the deadline', 1001, measuring({}), 'the time ran out'],
  ])('%s is no control, and changes no verdict', async (_, nowMs, { measure }, reason) => {
    const control = await controlProcesses(request, 1, world(nowMs), measure)
    expect(control).toEqual({ state: 'unavailable', reason })
    expect(withProcessControl(passed, control).verdict.verdict).toBe('pass')
  })
})
