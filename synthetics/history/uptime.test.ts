import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runProbes } from '../probes.ts'
import type { ProbeOutcome } from '../../record/index.ts'
import { createFlakeCounter } from './flakes.ts'
import { findIncidents } from './incidents.ts'
import { computeUptime, computeObjective } from './uptime.ts'
import { computeShares, buildTimeline, clipSpans, estimateTimes, toPeriods } from './timeline.ts'
import type { Observation } from './timeline.ts'
import { entryAt } from './testing/entries.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const minute = 60_000
const day = 86_400_000

const outcome = fc.constantFrom<ProbeOutcome>('up', 'degraded', 'down', 'unknown')
const observation = fc
  .record({
    startedAtMs: fc.integer({ min: start - day, max: start + 3 * day }),
    holdsMs: fc.nat(day),
    outcome,
  })
  .map(({ holdsMs, ...rest }): Observation => ({ ...rest, holdsUntilMs: rest.startedAtMs + holdsMs }))
const observations = fc.array(observation, { maxLength: 40 })
const windowOf = fc
  .tuple(fc.nat(day), fc.integer({ min: 1, max: 3 * day }))
  .map(([from, length]): [number, number] => [start + from, start + from + length])

/** One result every minute, as letters: u, g (degraded), d, n (unknown), and a dot where none came. */
function minutes(letters: string): Observation[] {
  const outcomes: Record<string, ProbeOutcome> = { u: 'up', g: 'degraded', d: 'down', n: 'unknown' }
  return [...letters].flatMap((letter, index) => {
    const found = outcomes[letter]
    const startedAtMs = start + index * minute
    return found ? [{ startedAtMs, holdsUntilMs: startedAtMs + 1.5 * minute, outcome: found }] : []
  })
}

describe('shares of time', () => {
  it('are together 1, and the spans cover the time without a gap', () => {
    fc.assert(
      fc.property(observations, windowOf, (all, [from, to]) => {
        const spans = buildTimeline(all, from, to)
        const { up, degraded, down, unknown } = computeShares(spans)
        expect(up + degraded + down + unknown).toBeCloseTo(1, 9)
        expect([spans[0]?.fromMs, spans.at(-1)?.toMs]).toEqual([from, to])
        for (const [index, span] of spans.slice(1).entries()) expect(span.fromMs).toBe(spans[index]?.toMs)
      }),
    )
  })

  it('do not depend on the order in which results came', () => {
    fc.assert(
      fc.property(observations, windowOf, fc.func(fc.integer()), (all, [from, to], shuffle) => {
        const shuffled = all.toSorted((a, b) => shuffle(a) - shuffle(b))
        expect(buildTimeline(shuffled, from, to)).toEqual(buildTimeline(all, from, to))
        expect(findIncidents(shuffled)).toEqual(findIncidents(all))
      }),
    )
  })

  it(
    'never count what is unknown as up or down: of unknown results alone all is unknown, and one more ' +
      'takes nothing but time',
    () => {
      fc.assert(
        fc.property(observations, windowOf, (all, [from, to]) => {
          expect(
            computeShares(
              buildTimeline(
                all.map((each) => ({ ...each, outcome: 'unknown' as const })),
                from,
                to,
              ),
            ).unknown,
          ).toBe(1)
          const known = computeShares(buildTimeline(all, from, to))
          const less = computeShares(
            buildTimeline(
              all.map((each) => (each.outcome === 'down' ? { ...each, outcome: 'unknown' as const } : each)),
              from,
              to,
            ),
          )
          expect(less.up).toBeCloseTo(known.up, 9)
          expect(less.unknown).toBeCloseTo(known.unknown + known.down, 9)
        }),
      )
    },
  )

  it('of days and months add up to the whole', () => {
    fc.assert(
      fc.property(observations, windowOf, (all, [from, to]) => {
        const spans = buildTimeline(all, from, to)
        for (const unit of ['day', 'month'] as const) {
          const periods = toPeriods(spans, unit)
          const down = periods.reduce(
            (sum, period) => sum + period.shares.down * (period.toMs - period.fromMs),
            0,
          )
          expect(down / (to - from)).toBeCloseTo(computeShares(spans).down, 9)
          expect(new Set(periods.map(({ label }) => label)).size).toBe(periods.length)
        }
      }),
    )
  })

  it.each([
    ['a result holds until the next', 'uuuuuuuuuu', { up: 1, degraded: 0, down: 0, unknown: 0 }],
    ['down for three of ten minutes', 'uuudddguuu', { up: 0.6, degraded: 0.1, down: 0.3, unknown: 0 }],
    [
      'a gap is unknown once the result before no longer holds',
      'uuu....uuu',
      { up: 0.65, degraded: 0, down: 0, unknown: 0.35 },
    ],
    [
      'a gap after a failure is not an outage of its own',
      'uud....uuu',
      { up: 0.5, degraded: 0, down: 0.15, unknown: 0.35 },
    ],
    ['nothing at all', '..........', { up: 0, degraded: 0, down: 0, unknown: 1 }],
  ])('%s: %s', (_, letters, shares) => {
    const found = computeShares(buildTimeline(minutes(letters), start, start + 10 * minute))
    for (const [key, value] of Object.entries(shares))
      expect(found[key as ProbeOutcome]).toBeCloseTo(value, 9)
  })
})

describe('an objective', () => {
  const all = { up: 0.998, degraded: 0, down: 0.0005, unknown: 0.0015 }

  it('is a range when there is unknown time: all of it up, or all of it down', () => {
    const { availability, budgetLeft, burnRate } = computeObjective(all, 0.999)
    expect(availability.map((each) => Number(each.toFixed(6)))).toEqual([0.998, 0.9995])
    expect(budgetLeft.map((each) => Number(each.toFixed(6)))).toEqual([-1, 0.5])
    expect(burnRate.map((each) => Number(each.toFixed(6)))).toEqual([0.5, 2])
  })

  it('is one value when there is none', () => {
    const { availability, burnRate } = computeObjective(
      { up: 0.999, degraded: 0, down: 0.001, unknown: 0 },
      0.999,
    )
    expect(availability[0]).toBe(availability[1])
    expect(burnRate[1]).toBeCloseTo(1, 9)
  })
})

describe('incidents', () => {
  it.each([
    ['one failure is none', 'uuuduuu', []],
    ['two of three are one, from the first', 'uuduudduuu', [[5, 7]]],
    ['two failures with one success between them', 'uududuuuu', [[2, 5]]],
    ['one success does not end it', 'uudddudduuu', [[2, 8]]],
    ['it is open as long as nothing ended it', 'uuddd', [[2, undefined]]],
    ['unknown is no evidence, for or against', 'uudnnnduuu', [[2, 7]]],
    ['failures on both sides of a silence are not an outage', 'uud.....duuu', []],
    ['silence does not end an incident', 'uudd.....dduuu', [[2, 11]]],
    ['a late prober opens nothing', 'u...u...u....u', []],
  ])('%s: %s', (_, letters, expected) => {
    expect(
      findIncidents(minutes(letters)).map(({ fromMs, toMs }) => [
        (fromMs - start) / minute,
        toMs === undefined ? undefined : (toMs - start) / minute,
      ]),
    ).toEqual(expected)
  })

  it('never open without as many failures as the rule asks for, and never overlap', () => {
    fc.assert(
      fc.property(observations, (all) => {
        const incidents = findIncidents(all)
        for (const { down } of incidents) expect(down).toBeGreaterThanOrEqual(2)
        for (const [index, { fromMs }] of incidents.slice(1).entries())
          expect(fromMs).toBeGreaterThanOrEqual(incidents[index]?.toMs ?? Infinity)
      }),
    )
  })
})

describe('flaky steps', () => {
  it('are those that failed before the attempt that passed, as the runner reports it', async () => {
    let seen = 0
    let isMeasured = false
    const server = createServer((request, response) => {
      seen += 1
      request.resume()
      response.writeHead(isMeasured && seen === 2 ? 503 : 200).end('ok')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const step = (name: string) => ({ name, request: () => ({ method: 'GET', path: '/' }) })
    const plan = {
      targetUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      journeys: [{ name: 'home', steps: [step('one'), step('two')] }],
      probes: { it: { journey: 'home' } },
      run: 'test',
      signal: new AbortController().signal,
      now: Date.now,
      random: Math.random,
    }
    // The first run compiles undici's parser. That can stall this process, and a stalled attempt is dropped.
    await runProbes(plan)
    seen = 0
    isMeasured = true
    const { probes } = await runProbes(plan)
    await new Promise((resolve) => server.close(resolve))
    const counter = createFlakeCounter()
    for (const result of probes) counter.add(result)
    for (const result of probes) counter.add({ ...result, outcome: 'up', attempts: 1 })
    expect(counter.steps()).toEqual([
      { step: 'one', runs: 2, flaked: 0 },
      { step: 'two', runs: 2, flaked: 1 },
    ])
  })
})

describe('the uptime of a made-up month', () => {
  const month = Array.from({ length: 30 * 24 * 12 }, (_, n) => start + n * 5 * minute)
  const query = { fromMs: start, toMs: start + 30 * day, objective: 0.999, probes: [] }
  const between = (at: number, from: number, hours: number): boolean =>
    at >= start + from * day && at < start + from * day + hours * 60 * minute

  it('whose cron was late and for hours silent: unknown time, and no incident', () => {
    // Late by up to 2 minutes every day; on the 10th nothing ran for six hours; on the 20th the service was
    // down for one.
    const entries = month
      .filter((at) => !between(at, 9, 6))
      .map((at, n) =>
        entryAt(at + (n % 3) * minute, between(at, 19, 1) ? 'down' : 'up', { everyMs: 5 * minute }),
      )
    const [uptime] = computeUptime(entries, query)
    if (!uptime) throw new Error('nothing')
    expect(
      uptime.incidents.map(({ fromMs, toMs = 0 }) => [
        new Date(fromMs).toISOString().slice(0, 10),
        Math.round((toMs - fromMs) / minute / 10),
      ]),
    ).toEqual([['2026-11-20', 6]])
    expect(uptime.shares.down * 720).toBeCloseTo(1, 1)
    expect(uptime.shares.unknown * 720).toBeCloseTo(5.9, 0)
    expect(uptime.days.find(({ label }) => label === '2026-11-10')?.shares).toMatchObject({
      down: 0,
      unknown: expect.closeTo(0.245, 2),
    })
    expect(uptime.months.map(({ label }) => label)).toEqual(['2026-11'])
    expect(uptime.objective.availability[0]).toBeLessThan(uptime.objective.availability[1])
  })

  it('of results without a schedule takes the time they are usually apart', () => {
    const [uptime] = computeUptime(
      month.filter((at) => !between(at, 9, 6)).map((at) => entryAt(at, 'up', { everyMs: null })),
      query,
    )
    expect(uptime?.shares.unknown).toBeCloseTo(6 / 720, 2)
    expect(computeUptime([entryAt(start, 'up', { everyMs: null })], query)[0]?.shares.unknown).toBe(1)
  })

  it('begins with the first result, and goes on to now', () => {
    const [uptime] = computeUptime([entryAt(start + 10 * day)], query)
    expect([uptime?.sinceMs, uptime?.toMs]).toEqual([start + 10 * day, start + 30 * day])
    expect(uptime?.shares.unknown).toBeGreaterThan(0.99)
  })
})

it('a part of spans is what lies within', () => {
  expect(
    clipSpans(buildTimeline(minutes('ud'), start, start + 2 * minute), start + minute / 2, start + minute),
  ).toEqual([{ fromMs: start + minute / 2, toMs: start + minute, outcome: 'up' }])
})

it.each([
  [['up', 'down'], 'down'],
  [['down', 'up'], 'down'],
  [['degraded', 'unknown'], 'unknown'],
  [['up', 'degraded'], 'degraded'],
] as const)('of results of one moment, %j, the worst counts: %s', (outcomes, worst) => {
  const found = outcomes.map((each) => ({
    startedAtMs: start,
    holdsUntilMs: start + minute,
    outcome: each,
  }))
  expect(buildTimeline(found, start, start + minute)).toEqual([
    { fromMs: start, toMs: start + minute, outcome: worst },
  ])
})

describe('without a schedule, by the gaps of its results', () => {
  const every = (gapMs: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => start + index * gapMs)

  it.each([
    ['no result', [], undefined, undefined],
    ['two results', every(5 * minute, 2), undefined, undefined],
    ['three results', every(5 * minute, 3), 7.5 * minute, 6 * minute + 1000],
    ['a timer every 20 s', every(20_000, 50), 30_000, 31_000],
    // A week of working hours: the longest gap is a night.
    [
      'nights without results',
      every(day, 5).flatMap((morning) => every(5 * minute, 120).map((ms) => morning + ms - start)),
      7.5 * minute,
      day - 595 * minute + minute + 1000,
    ],
    // A person, now and then.
    [
      'irregular results',
      [0, 1, 30, 600, 610, 5000].map((n) => start + n * minute),
      43.5 * minute,
      undefined,
    ],
  ])('%s', (_, starts, validMs, overdueMs) => {
    const last = Math.max(...starts)
    const after = (ms: number | undefined): number | undefined => ms && ms + last
    expect(estimateTimes(starts.toReversed(), 1000)).toEqual({
      ...(validMs !== undefined && { validUntilMs: after(validMs) }),
      ...(overdueMs !== undefined && { overdueMs: after(overdueMs) }),
    })
  })
})
