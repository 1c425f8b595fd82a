import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bisect } from './bisect.ts'
import type { Tried } from './bisect.ts'

describe('a bisect', () => {
  it('finds the first bad commit of any line, in at most one try more than halving takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (commits, share) => {
          const first = Math.min(commits - 1, Math.floor(share * commits))
          const { culprit, attempts } = await bisect(commits, async (index) =>
            index < first ? 'good' : 'bad',
          )
          expect(culprit).toEqual({ state: 'found', index: first })
          expect(attempts.length).toBeLessThanOrEqual(Math.ceil(Math.log2(commits)) + 1)
        },
      ),
    )
  })

  it('never blames a commit that lies beyond what was tried, whatever cannot be built or stays open', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.array(fc.constantFrom<Tried>('unbuildable', 'open', 'good'), { minLength: 40, maxLength: 40 }),
        async (commits, where, flaws) => {
          const first = where % commits
          const { culprit, attempts } = await bisect(commits, async (index) => {
            const flaw = flaws[index]
            return flaw === 'unbuildable' || flaw === 'open' ? flaw : index < first ? 'good' : 'bad'
          })
          expect(new Set(attempts.map(({ index }) => index)).size).toBe(attempts.length)
          if (culprit.state === 'interrupted') throw new Error('nobody interrupted')
          const [from, to] =
            culprit.state === 'found' ? [culprit.index, culprit.index] : [culprit.from, culprit.to]
          expect(from).toBeLessThanOrEqual(first)
          expect(to).toBeGreaterThanOrEqual(first)
        },
      ),
    )
  })

  it('tries the neighbour of a commit that cannot be built', async () => {
    const { culprit, attempts } = await bisect(8, async (index) =>
      index === 3 ? 'unbuildable' : index < 5 ? 'good' : 'bad',
    )
    expect(attempts[0]).toEqual({ index: 3, tried: 'unbuildable' })
    expect(attempts[1]?.index).toBe(2)
    expect(culprit).toEqual({ state: 'found', index: 5 })
  })

  it('says between which commits it lies when those between cannot be built', async () => {
    const { culprit } = await bisect(5, async (index) =>
      index === 1 || index === 2 ? 'unbuildable' : index < 1 ? 'good' : 'bad',
    )
    expect(culprit).toEqual({ state: 'among', from: 1, to: 3, why: 'unbuildable' })
  })

  it('ends when it is interrupted', async () => {
    expect((await bisect(9, async () => 'interrupted')).culprit).toEqual({ state: 'interrupted' })
  })

  it('takes the bad commit for the culprit when it is the only one', async () => {
    expect(await bisect(1, async () => 'good')).toEqual({
      culprit: { state: 'found', index: 0 },
      attempts: [],
    })
  })
})
