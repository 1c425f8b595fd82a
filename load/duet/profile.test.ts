import { describe, expect, test } from 'vitest'
import type { Verdict } from '../../baselines/index.ts'
import type { CaptureResult } from '../../runtime/profiler/index.ts'
import type { RunningPair } from './processes/pair.ts'
import { canExplain, profilePair } from './profile.ts'

/** A side that only can be profiled. */
function sideWith(capture: CaptureResult | Error): RunningPair['sides']['baseline'] {
  const captureProfile = async (): Promise<CaptureResult> => {
    if (capture instanceof Error) throw capture
    return capture
  }
  return Object.assign(Object.create(null), { captureProfile })
}

const spinning = (samples: number): CaptureResult => ({
  state: 'ok',
  profile: {
    requests: 100,
    sampleMs: 1,
    roots: [{ frame: { name: 'spin', file: 'a.ts', line: 3 }, samples, children: [] }],
  },
})
const failed: CaptureResult = { state: 'failed', reason: 'process 7 did not open its inspector' }

async function profile(baseline: CaptureResult | Error, candidate: CaptureResult | Error) {
  const sides = { baseline: sideWith(baseline), candidate: sideWith(candidate) }
  const count = () => ({ baseline: 0, candidate: 0 })
  return profilePair({ sides }, 'inspector', count, new AbortController().signal)
}

describe('a pair', () => {
  test('is compared by function', async () => {
    expect(await profile(spinning(100), spinning(300))).toMatchObject({
      state: 'ok',
      comparison: { source: 'inspector', changes: [{ name: 'spin', selfMs: { baseline: 1, candidate: 3 } }] },
    })
  })

  test.each([
    [failed, spinning(1), 'the baseline was not profiled: process 7 did not open its inspector'],
    [spinning(1), failed, 'the candidate was not profiled: process 7 did not open its inspector'],
    [spinning(1), new Error('broken pipe'), 'broken pipe'],
  ])('of which one side fails has no profile, and one reason', async (baseline, candidate, reason) => {
    expect(await profile(baseline, candidate)).toEqual({ state: 'unavailable', reason })
  })
})

test.each<[string, Verdict['rows'][number]['status'], boolean]>([
  ['cpuMsPerRequest', 'fail', true],
  ['p50Ms', 'fail', true],
  ['statements', 'fail', true],
  ['errorRate', 'fail', false],
  ['p50Ms', 'pass', false],
])('a verdict with %s: %s is explained by functions: %s', (metric, status, expected) => {
  const rows = [
    { rule: 'comparison', step: null, metric, status, message: '' },
    { rule: 'comparison', step: null, metric: 'throughputRps', status: 'fail' as const, message: '' },
  ]
  expect(canExplain({ schema: 'vigil.verdict/1', verdict: 'fail', rows })).toBe(expected)
})
