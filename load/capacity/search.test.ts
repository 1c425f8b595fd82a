import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextStep } from './search.ts'
import type { Knee, SearchPlan, Try } from './search.ts'

const plan: SearchPlan = { start: 10, growth: 1.6, highest: 10_000, closeRatio: 1.1, wholeNumbers: false }

/** Searches a made-up service. */
function search(
  outcomeAt: (load: number, nth: number) => Try['outcome'],
  changes: Partial<SearchPlan> = {},
): { knee: Knee; tries: Try[] } {
  const tries: Try[] = []
  for (let step = 0; step < 200; step += 1) {
    const next = nextStep(tries, { ...plan, ...changes })
    if (next.kind === 'done') return { knee: next.knee, tries }
    tries.push({ load: next.load, outcome: outcomeAt(next.load, tries.length) })
  }
  throw new Error('the search does not end')
}

describe('the search for the knee', () => {
  it('ends between a load that keeps the budgets and a close one that breaks them, each seen twice', () => {
    fc.assert(
      fc.property(fc.double({ min: 2, max: 9000, noNaN: true }), (at) => {
        const { knee, tries } = search((load) => (load <= at ? 'kept' : 'broke'))
        if (knee.state !== 'found') throw new Error(`${knee.state} for ${at}`)
        expect(knee.keeps).toBeLessThanOrEqual(at)
        expect(knee.breaks).toBeGreaterThan(at)
        expect(knee.breaks / knee.keeps).toBeLessThanOrEqual(1.12)
        for (const load of [knee.keeps, knee.breaks])
          expect(tries.filter((one) => one.load === load).length).toBeGreaterThanOrEqual(2)
        expect(tries.length).toBeLessThan(40)
      }),
    )
  })

  it('of connections is found to the connection where there is nothing between', () => {
    expect(
      search((load) => (load <= 3 ? 'kept' : 'broke'), { start: 1, growth: 2, wholeNumbers: true }).knee,
    ).toEqual({ state: 'found', keeps: 3, breaks: 4 })
  })

  it('is not misled by one bad moment', () => {
    const { knee } = search((load, nth) => (nth === 2 ? 'broke' : load <= 100 ? 'kept' : 'broke'))
    expect(knee).toMatchObject({ state: 'found' })
    if (knee.state === 'found') expect([knee.keeps <= 100, knee.breaks > 100]).toEqual([true, true])
  })

  it('says how far it could see when the generator or the given most was the limit', () => {
    expect(search(() => 'kept', { highest: 100 }).knee).toEqual({
      state: 'beyond',
      keeps: 100,
      because: 'most',
    })
    const { knee } = search((load) => (load <= 50 ? 'kept' : 'unmeasured'))
    expect(knee).toMatchObject({ state: 'beyond', because: 'unmeasured' })
    if (knee.state === 'beyond') expect(knee.keeps).toBeGreaterThan(45)
  })

  it('goes down from a load that breaks already, and says so when none is kept', () => {
    expect(search((load) => (load <= 3 ? 'kept' : 'broke')).knee).toMatchObject({ state: 'found' })
    expect(search(() => 'broke').knee).toMatchObject({ state: 'below' })
    expect(search(() => 'unmeasured').knee).toEqual({ state: 'unknown' })
  })

  it('ends whatever it sees', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<Try['outcome']>('kept', 'broke', 'unmeasured'), {
          minLength: 200,
          maxLength: 200,
        }),
        (outcomes) => {
          expect(search((_load, nth) => outcomes[nth] ?? 'broke').tries.length).toBeGreaterThan(0)
        },
      ),
    )
  })
})
