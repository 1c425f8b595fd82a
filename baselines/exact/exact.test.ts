import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addPair,
  closeUnit,
  judgeExactCounts,
  lowerCounts,
  mergeTallies,
  emptyTally,
  parseCounts,
  withLowestCounts,
} from './index.ts'
import type { ExactTallies, LowestCounts, PairedTally } from './index.ts'

function tallyOf(pairs: readonly (readonly [number, number])[]): PairedTally {
  return pairs.reduce((tally, [baseline, candidate]) => addPair(tally, baseline, candidate), emptyTally)
}

/** As units of ten pairs. */
function tallies(
  metric: 'statements' | 'bytes',
  pairs: readonly (readonly [number, number])[],
): ExactTallies {
  const units = Array.from({ length: Math.ceil(pairs.length / 10) }, (_, unit) =>
    pairs.slice(unit * 10, unit * 10 + 10),
  )
  return mergeTallies(units.map((unit) => closeUnit({ 'tasks/list': { [metric]: tallyOf(unit) } })))
}

const statements = (pairs: readonly (readonly [number, number])[]): ExactTallies =>
  tallies('statements', pairs)

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

describe('counts that noise cannot move', () => {
  it('are equal where nothing changed, and the row says so', () => {
    expect(judgeExactCounts(statements(times(40, [3, 3])))).toMatchObject([
      {
        rule: 'exact',
        step: 'tasks/list',
        metric: 'statements',
        status: 'pass',
        message: 'SQL statements 3 in every pair, at most 3',
      },
    ])
  })

  it('are red for one statement more, in a few answers', () => {
    expect(judgeExactCounts(statements(times(20, [3, 4])))).toMatchObject([
      {
        status: 'fail',
        ratio: 4 / 3,
        message: expect.stringContaining(
          'SQL statements 3 → 4 (more in 20, fewer in 0 of 20 pairs), at most 3',
        ),
      },
    ])
  })

  it('are red for an N+1 query whose number depends on the data, and is often none', () => {
    const pairs = Array.from({ length: 100 }, (_, index): [number, number] => [2, 2 + (index % 5)])
    expect(judgeExactCounts(statements(pairs))[0]?.status).toBe('fail')
  })

  it('are not red when both sides vary alike: a cache, the order of arrival', () => {
    let red = 0
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 20, maxLength: 400 }), (pairs) => {
        if (judgeExactCounts(statements(pairs)).some(({ status }) => status === 'fail')) red += 1
      }),
      { numRuns: 2000, seed: 7 },
    )
    expect(red).toBe(0)
  })

  it('are not red for a rare one more: a token renewed, a connection opened again', () => {
    expect(
      judgeExactCounts(statements([...times(1990, [3, 3] as const), ...times(10, [3, 4] as const)]))[0]
        ?.status,
    ).toBe('pass')
  })

  it('are not red for a moment in which one side stood still, and users got in their own way', () => {
    expect(
      judgeExactCounts(statements([...times(300, [1, 1] as const), ...times(60, [1, 4] as const)]))[0],
    ).toMatchObject({
      status: 'pass',
      message: expect.stringContaining('(60 of 360 pairs differ, not all in one direction)'),
    })
  })

  it('are no evidence in fewer than 20 answers', () => {
    expect(judgeExactCounts(statements(times(19, [3, 30])))).toEqual([])
  })

  it('are better when there are fewer of them, unless they must be equal', () => {
    const fewer = statements(times(40, [4, 3]))
    expect(judgeExactCounts(fewer)[0]?.status).toBe('improved')
    expect(judgeExactCounts(fewer, { statements: { kind: 'equal' } })[0]?.status).toBe('fail')
    expect(judgeExactCounts(fewer, { statements: { kind: 'off' } })).toEqual([])
  })

  it('may not go over the lowest ever accepted, even where the baseline already does', () => {
    const same = statements(times(40, [4, 4]))
    expect(
      judgeExactCounts(same, { statements: { kind: 'ratchet', best: new Map([['tasks/list', 3]]) } })[0],
    ).toMatchObject({ status: 'fail', message: expect.stringContaining('at most 3, the lowest so far') })
    expect(
      judgeExactCounts(same, { statements: { kind: 'ratchet', best: new Map([['tasks/list', 4]]) } })[0]
        ?.status,
    ).toBe('pass')
  })

  it('let an answer grow by a few bytes, and not by many', () => {
    const bytes = (more: number): ExactTallies => tallies('bytes', times(40, [1000, 1000 + more]))
    expect(judgeExactCounts(bytes(20))[0]?.status).toBe('pass')
    expect(judgeExactCounts(bytes(100))[0]?.status).toBe('fail')
    expect(judgeExactCounts(bytes(20), { bytes: { kind: 'equal' } })[0]?.status).toBe('fail')
  })

  it('are red for statements where there were none', () => {
    expect(judgeExactCounts(statements(times(40, [0, 1])))[0]).toMatchObject({ status: 'fail', candidate: 1 })
  })

  it('add up over units', () => {
    const all = times(40, [3, 4] as const)
    expect(mergeTallies([statements(all.slice(0, 20)), statements(all.slice(20)), {}])).toEqual(
      statements(all),
    )
  })
})

describe('the lowest counts ever accepted', () => {
  const none: LowestCounts = { schema: 'vigil.counts/1', suites: {} }
  const after = (counts: LowestCounts, each: number): ReturnType<typeof lowerCounts> =>
    lowerCounts(counts, 'browse', statements(times(40, [9, each])))

  it('get lower, by as much as shows, and never higher', () => {
    const first = after(none, 4)
    expect(first.changes).toEqual([{ step: 'tasks/list', metric: 'statements', from: undefined, to: 4 }])
    expect(after(first.counts, 5)).toEqual({ counts: first.counts, changes: [] })
    expect(after(first.counts, 3.99).changes).toEqual([])
    expect(after(first.counts, 3)).toEqual({
      counts: { schema: 'vigil.counts/1', suites: { browse: { 'tasks/list': { statements: 3 } } } },
      changes: [{ step: 'tasks/list', metric: 'statements', from: 4, to: 3 }],
    })
  })

  it('are what a ratchet holds a candidate to, step by step; other rules and suites stay as they are', () => {
    const { counts } = after(none, 3)
    const held = withLowestCounts(
      { statements: { kind: 'ratchet' }, rows: { kind: 'equal' } },
      counts,
      'browse',
    )
    expect(judgeExactCounts(statements(times(40, [4, 4])), held)[0]).toMatchObject({ status: 'fail' })
    expect(judgeExactCounts(statements(times(40, [4, 3])), held)[0]).toMatchObject({ status: 'improved' })
    expect(held.rows).toEqual({ kind: 'equal' })
    expect(
      judgeExactCounts(
        statements(times(40, [4, 4])),
        withLowestCounts({ statements: { kind: 'ratchet' } }, counts, 'toString'),
      )[0]?.status,
    ).toBe('pass')
  })

  it.each([
    ['no JSON', '{'],
    ['another schema', '{"schema":"vigil.counts/2","suites":{}}'],
    ['a count that is none', '{"schema":"vigil.counts/1","suites":{"a":{"b/c":{"statements":-1}}}}'],
    ['a metric of no such name', '{"schema":"vigil.counts/1","suites":{"a":{"b/c":{"sql":1}}}}'],
  ])('are refused as %s', (_what, text) => {
    expect(parseCounts(text, 'counts.json')).toMatchObject({
      state: 'invalid',
      problem: expect.stringMatching(/^counts\.json: /) as string,
    })
  })
})
