import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Journey } from '../../../journeys/index.ts'
import { sizeUsers } from './sizing.ts'

function journey(steps: number, before = 0): Journey {
  const some = (count: number): Journey['steps'] =>
    Array.from({ length: count }, (_, index) => ({
      name: `s${index}`,
      request: () => ({ method: 'GET', path: '/' }),
    }))
  return { name: 'j', before: some(before), steps: some(steps) }
}

const roomy = { requestTimeoutMs: 10_000, freeBytes: 16e9 }

describe('virtual users', () => {
  it('are enough for half a second a request at once, and for a time limit in the end', () => {
    expect(sizeUsers({ ...roomy, ratePerSecond: 20, journeys: [journey(6)] })).toMatchObject({
      preAllocated: 60,
      maxUsers: 320,
    })
  })

  it('are as many different users as there are, unless each has to be prepared', () => {
    expect(sizeUsers({ ...roomy, ratePerSecond: 20, journeys: [journey(6)] }).users).toBe(320)
    expect(sizeUsers({ ...roomy, ratePerSecond: 20, journeys: [journey(6, 2)] }).users).toBe(12)
    expect(sizeUsers({ ...roomy, ratePerSecond: 5000, journeys: [journey(6, 2)] }).users).toBe(50)
  })

  it('are bounded by memory and in any case, and never fewer than ready', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 64 }),
        (ratePerSecond, steps, gigabytes) => {
          const sizing = sizeUsers({
            requestTimeoutMs: 10_000,
            ratePerSecond,
            journeys: [journey(steps, 1)],
            freeBytes: gigabytes * 1e9,
          })
          expect(sizing.preAllocated).toBeGreaterThanOrEqual(1)
          expect(sizing.users).toBeGreaterThanOrEqual(1)
          expect(sizing.maxUsers).toBeGreaterThanOrEqual(Math.max(sizing.preAllocated, sizing.users))
          expect(sizing.maxUsers).toBeLessThanOrEqual(Math.max(10, Math.min(400, gigabytes * 500)))
        },
      ),
    )
  })
})
