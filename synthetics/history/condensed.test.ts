import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProbeOutcome } from '../../record/index.ts'
import { createCondenser, formatDay, parseDay } from './condensed.ts'
import type { Stretch } from './condensed.ts'
import { findIncidents } from './incidents.ts'
import { assumeHoldTimes, buildTimeline, sortObservations } from './timeline.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-11-01T00:00:00Z')

/** Results in order, most of them every 30 s and up, with gaps, flapping, and validities of any length. */
const results = fc
  .array(
    fc.record({
      gapMs: fc.oneof({ weight: 5, arbitrary: fc.constant(30_000) }, fc.nat(120_000)),
      holdsMs: fc.oneof({ weight: 5, arbitrary: fc.constant(45_000) }, fc.nat(90_000)),
      outcome: fc.oneof(
        { weight: 4, arbitrary: fc.constant<ProbeOutcome>('up') },
        fc.constantFrom<ProbeOutcome>('down', 'down', 'degraded', 'unknown'),
      ),
      times: fc.integer({ min: 1, max: 12 }),
    }),
    { maxLength: 20 },
  )
  .map((groups) => {
    let atMs = start
    return groups.flatMap(({ gapMs, holdsMs, outcome, times }) =>
      Array.from({ length: times }, (): Stretch & { holdsUntilMs: number } => {
        atMs += gapMs
        return { startedAtMs: atMs, holdsUntilMs: atMs + holdsMs, outcome, count: 1 }
      }),
    )
  })

function condense(all: readonly Stretch[]): Stretch[] {
  const { add, stretches } = createCondenser()
  for (const one of all) add(one)
  return stretches
}

describe('condensed results', () => {
  it('have the timeline and the incidents of the results themselves', () => {
    fc.assert(
      fc.property(results, (all) => {
        const sorted = sortObservations(all)
        const few = assumeHoldTimes(condense(sorted))
        const endMs = start + dayMs
        expect(buildTimeline(few, start, endMs)).toEqual(buildTimeline(sorted, start, endMs))
        expect(findIncidents(few)).toEqual(findIncidents(sorted))
        expect(few.reduce((sum, { count }) => sum + count, 0)).toBe(all.length)
      }),
      { numRuns: 500 },
    )
  })

  it('condensed in parts, in any parts, are the same as in one', () => {
    fc.assert(
      fc.property(results, fc.nat(200), (all, at) => {
        const sorted = sortObservations(all)
        const few = assumeHoldTimes(condense([...condense(sorted.slice(0, at)), ...sorted.slice(at)]))
        expect(buildTimeline(few, start, start + dayMs)).toEqual(buildTimeline(sorted, start, start + dayMs))
        expect(findIncidents(few)).toEqual(findIncidents(sorted))
      }),
    )
  })

  it('are three for a day without change', () => {
    const day = Array.from({ length: 2880 }, (_, index): Stretch => {
      const startedAtMs = start + index * 30_000
      return { startedAtMs, holdsUntilMs: startedAtMs + 45_000, outcome: 'up', count: 1 }
    })
    expect(condense(day)).toHaveLength(3)
    expect(condense(day).at(-1)).toMatchObject({ count: 2878, holdsUntilMs: start + dayMs + 15_000 })
  })

  it('are written and read back; what is no such text is undefined', () => {
    const of = { probe: 'health', target: 'http://h', dayMs: start }
    const day = {
      ...of,
      stretches: [
        { startedAtMs: start + 5, holdsUntilMs: null, outcome: 'down' as const, count: 1 },
        { startedAtMs: start + 9, holdsUntilMs: start + 50, outcome: 'up' as const, count: 7 },
      ],
      steps: [{ step: 'get', runs: 8, flaked: 1 }],
    }
    expect(parseDay(of, formatDay(day))).toEqual(day)
    for (const text of ['', '{}', '[]', '{"stretches":["x"],"steps":{}}'])
      expect(parseDay(of, text)).toBe(undefined)
  })
})
