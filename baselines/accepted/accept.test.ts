import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countOf } from '../../record/index.ts'
import type { Bucket, Run } from '../../record/index.ts'
import { passed, runMaker } from '../../bench/detection-study/accepted.ts'
import { seeded } from '../../bench/detection-study/machine.ts'
import type { Verdict } from '../verdict.ts'
import { acceptRuns, compactHistogram } from './accept.ts'
import type { AcceptCandidate } from './accept.ts'
import { baselineFile, formatReviewedJson, parseBaseline } from './baseline.ts'
import type { Baseline } from './baseline.ts'

const make = runMaker({ runNoise: 0.02, drift: 0.02 }, seeded(1))
const runs = Array.from({ length: 40 }, (_, index) => make(Math.floor(index / 2)))
const offer = (run: Run, changes: Partial<Verdict> = {}): AcceptCandidate => ({
  run,
  verdict: { ...passed(run), ...changes },
})
const offers = (from: number, to: number): AcceptCandidate[] => runs.slice(from, to).map((run) => offer(run))

function accepted(
  existing: Baseline | undefined,
  offered: readonly AcceptCandidate[],
  reason?: string,
): Baseline {
  const result = acceptRuns(existing, offered, reason === undefined ? undefined : { reason })
  if (result.state === 'invalid') throw new Error(result.reasons.join('\n'))
  return result.baseline
}

const [one] = runs
if (!one) throw new Error('no run was made')

describe('a run is refused, with the reason', () => {
  it.each([
    [
      'one that was interrupted',
      { run: { ...one, interrupted: true }, verdict: passed(one) },
      'was interrupted',
    ],
    [
      'one that is invalid',
      {
        run: { ...one, validity: { valid: false, reasons: ['the generator was saturated'] } },
        verdict: passed(one),
      },
      'is invalid: the generator was saturated',
    ],
    [
      'one without a request',
      { run: { ...one, totals: { ...one.totals, requests: 0 } }, verdict: passed(one) },
      'made no request',
    ],
    ['one of probes', { run: { ...one, engine: 'probe' }, verdict: passed(one) }, 'is a run of probes'],
    ['one without a verdict', { run: one, verdict: undefined }, 'has no verdict that can be read'],
    [
      'one with the verdict of another',
      offer(one, { run: 'other' }),
      'its verdict is of another run (other)',
    ],
    [
      'a red one',
      offer(one, {
        verdict: 'fail',
        rows: [
          {
            rule: 'budget',
            step: null,
            metric: 'p95Ms',
            status: 'fail',
            message: 'p95 712 ms, budget < 500 ms',
          },
        ],
      }),
      'is fail (p95 712 ms, budget < 500 ms): a failed run never becomes a baseline',
    ],
    [
      'an inconclusive one',
      offer(one, { verdict: 'inconclusive' }),
      'is inconclusive: only a run that passed does',
    ],
  ] as [string, AcceptCandidate, string][])('%s', (_, offered, says) => {
    expect(acceptRuns(undefined, [offered])).toEqual({
      state: 'invalid',
      reasons: [expect.stringContaining(says)],
    })
  })

  it.each([
    ['a budget', ['budget'], false],
    ['a probe', ['probe'], false],
    ['a comparison and a budget', ['anchor', 'budget'], false],
    ['a comparison', ['baseline', 'anchor'], true],
  ])('and a waiver is only advised for what it covers: %s', (_, rules, advised) => {
    const rows = rules.map((rule) => ({
      rule,
      step: null,
      metric: 'p95Ms',
      status: 'fail' as const,
      message: 'slow',
    }))
    const result = acceptRuns(undefined, [offer(one, { verdict: 'fail', rows })])
    const text = result.state === 'invalid' ? result.reasons.join('\n') : ''
    expect(text).toContain('a failed run never becomes a baseline')
    expect(text.includes('vigil baseline waive')).toBe(advised)
  })

  it.each([
    ['another environment', { environment: { fingerprint: 'other' } }, 'runs of 2 environments'],
    ['another suite', { suite: 'other' }, 'runs of 2 suites'],
    ['another rate', { load: { model: 'arrival-rate', ratePerSecond: 120 } }, "the suite's load was changed"],
  ] as [string, Partial<Run>, string][])('when it is of %s than the baseline', (_, changes, says) => {
    const other = { ...one, id: 'other', ...changes }
    const result = acceptRuns(accepted(undefined, offers(0, 5)), [offer(other)])
    expect(result).toEqual({ state: 'invalid', reasons: [expect.stringContaining(says)] })
  })

  it('and then none of those given is accepted; nothing at all is refused too', () => {
    expect(acceptRuns(undefined, [...offers(0, 2), { run: one, verdict: undefined }]).state).toBe('invalid')
    expect(acceptRuns(undefined, []).state).toBe('invalid')
  })
})

describe('a baseline', () => {
  it('has its first five runs as its anchor, and keeps it and the ten newest', () => {
    let baseline = accepted(undefined, offers(0, 3))
    baseline = accepted(baseline, offers(3, 5))
    for (let i = 5; i < 40; i += 1) baseline = accepted(baseline, offers(i, i + 1))
    expect(baseline.anchor.runs).toEqual(runs.slice(0, 5).map(({ id }) => id))
    expect(baseline.runs.map(({ id }) => id)).toEqual(
      [...runs.slice(0, 5), ...runs.slice(30)].map(({ id }) => id),
    )
  })

  it('gets a new anchor with a reason only', () => {
    const baseline = accepted(
      accepted(undefined, offers(0, 6)),
      offers(10, 16),
      'argon2 costs more now, by decision',
    )
    expect(baseline.anchor).toEqual({
      runs: runs.slice(10, 16).map(({ id }) => id),
      reason: 'argon2 costs more now, by decision',
    })
  })

  it('does not depend on the order of its runs, and holds a run given twice once', () => {
    const inOrder = formatReviewedJson(accepted(undefined, offers(0, 6)))
    expect(formatReviewedJson(accepted(undefined, [...offers(0, 6).toReversed(), ...offers(2, 3)]))).toBe(
      inOrder,
    )
  })

  it('is read back as it was written: sorted keys, one line for a histogram, under 30 kB a run', () => {
    const baseline = accepted(undefined, offers(0, 6))
    const text = formatReviewedJson(baseline)
    expect(parseBaseline(text, 'b.json')).toEqual({ state: 'ok', baseline })
    expect(text.split('\n').filter((line) => line.includes('"histogram"'))).toHaveLength(36)
    expect(text.length / 6).toBeLessThan(30_000)
    const keys = [...text.matchAll(/^ {2}"(\w+)":/gm)].map((match) => match[1])
    expect(keys).toEqual(['anchor', 'engine', 'environment', 'load', 'runs', 'schema', 'suite'])
  })

  it.each([
    ['cut off', (text: string) => text.slice(0, 400), 'b.json: not JSON'],
    [
      'of a future schema',
      (text: string) => text.replace('vigil.baseline/1', 'vigil.baseline/2'),
      'b.json: schema: ',
    ],
    [
      'with a run that contradicts itself',
      (text: string) => text.replace(/"requests": 1500/, '"requests": 15'),
      'b.json: runs[',
    ],
    [
      'that lost a run of its anchor',
      (text: string) => text.replace('"id": "run-0001"', '"id": "run-9999"'),
      'anchor.runs: "run-0001" is not among the runs',
    ],
  ])('%s is refused whole: never computed from fewer runs', (_, damage, says) => {
    const read = parseBaseline(damage(formatReviewedJson(accepted(undefined, offers(0, 6)))), 'b.json')
    expect([read.state, read.state === 'invalid' && read.problem]).toEqual([
      'invalid',
      expect.stringContaining(says),
    ])
  })

  it('has a file name that no suite and no fingerprint can lead out of its folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (suite, fingerprint) => {
        expect(baselineFile(suite, fingerprint)).toMatch(/^[\w.-]*\.[\w-]*\.json$/)
      }),
    )
  })
})

describe('a compact histogram', () => {
  it(
    'holds as many samples, none under where it was and none over 3 % above, and is made no smaller ' +
      'twice',
    () => {
      const histogram = fc
        .uniqueArray(fc.tuple(fc.double({ min: 0.001, max: 1e6, noNaN: true }), fc.nat(1000)), {
          selector: ([ms]) => ms,
          maxLength: 60,
        })
        .map((buckets): Bucket[] => buckets.toSorted((a, b) => a[0] - b[0]))
      fc.assert(
        fc.property(histogram, (buckets) => {
          const compact = compactHistogram(buckets)
          expect(countOf(compact)).toBe(countOf(buckets))
          expect(compactHistogram(compact)).toEqual(compact)
          const [first, filled] = [compact[0]?.[0] ?? 0, buckets.find(([, count]) => count > 0)?.[0] ?? 0]
          expect(first).toBeGreaterThanOrEqual(filled * 0.999)
          expect(first).toBeLessThanOrEqual(filled * 1.031)
        }),
      )
    },
  )
})
