import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bisect } from './bisect.ts'
import type { CommitOutcome } from './bisect.ts'

describe('a bisect', () => {
  it('finds the first bad commit of any line, with at most one trial more than binary search', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.nat(), async (commits, where) => {
        const first = where % commits
        const { culprit, attempts } = await bisect(commits, async (index) => (index < first ? 'good' : 'bad'))
        expect(culprit).toEqual({ state: 'found', index: first })
        expect(attempts.length).toBeLessThanOrEqual(Math.ceil(Math.log2(commits)) + 1)
      }),
    )
  })

  it('never names a wrong commit, whichever commits cannot be built or stay open', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.array(fc.constantFrom<CommitOutcome>('unbuildable', 'open', 'good'), {
          minLength: 40,
          maxLength: 40,
        }),
        async (commits, where, outcomes) => {
          const first = where % commits
          const { culprit, attempts } = await bisect(commits, async (index) => {
            const outcome = outcomes[index]
            return outcome === 'unbuildable' || outcome === 'open' ? outcome : index < first ? 'good' : 'bad'
          })
          expect(new Set(attempts.map(({ index }) => index)).size).toBe(attempts.length)
          if (culprit.state === 'interrupted') throw new Error('the bisect was not interrupted')
          const [from, to] =
            culprit.state === 'found' ? [culprit.index, culprit.index] : [culprit.from, culprit.to]
          expect(from).toBeLessThanOrEqual(first)
          expect(to).toBeGreaterThanOrEqual(first)
        },
      ),
    )
  })

  it('tries the nearest commit when one cannot be built', async () => {
    const { culprit, attempts } = await bisect(8, async (index) =>
      index === 3 ? 'unbuildable' : index < 5 ? 'good' : 'bad',
    )
    expect(attempts[0]).toEqual({ index: 3, outcome: 'unbuildable' })
    expect(attempts[1]?.index).toBe(2)
    expect(culprit).toEqual({ state: 'found', index: 5 })
  })

  it('names several commits when those between cannot be built', async () => {
    const { culprit } = await bisect(5, async (index) =>
      index === 1 || index === 2 ? 'unbuildable' : index < 1 ? 'good' : 'bad',
    )
    expect(culprit).toEqual({ state: 'among', from: 1, to: 3, why: 'unbuildable' })
  })

  it('ends when it is interrupted', async () => {
    expect((await bisect(9, async () => 'interrupted')).culprit).toEqual({ state: 'interrupted' })
  })

  it('names the bad commit when it is the only one', async () => {
    expect(await bisect(1, async () => 'good')).toEqual({
      culprit: { state: 'found', index: 0 },
      attempts: [],
    })
  })
})
