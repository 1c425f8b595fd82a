import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCadence } from '../../config/index.ts'
import type { Cadence } from '../../config/index.ts'
import { findDue } from './due.ts'
import { runSchedule } from './scheduler.ts'
import type { Job, ScheduleEvent } from './scheduler.ts'
import { createSimulatedClock } from './testing/clock.ts'
import type { SimulatedClock } from './testing/clock.ts'

const start = Date.parse('2026-11-24T12:00:00.500Z')
const hour = 3_600_000

function every(text: string): Cadence {
  const parsed = parseCadence(text)
  if (parsed.state === 'invalid') throw new Error(parsed.problem)
  return parsed.cadence
}

interface Scheduled {
  clock: SimulatedClock
  events: ScheduleEvent<number>[]
  of: <K extends ScheduleEvent<number>['kind']>(kind: K) => Extract<ScheduleEvent<number>, { kind: K }>[]
  stop: () => Promise<void>
}

/** A schedule at work on a simulated clock. */
function scheduled(jobs: (Partial<Job<number>> & { name: string })[], from = start): Scheduled {
  const clock = createSimulatedClock(from)
  const events: ScheduleEvent<number>[] = []
  const stop = new AbortController()
  const whole = jobs.map((job): Job<number> => ({
    cadence: every('30s'),
    deadlineMs: 10_000,
    run: async () => 1,
    ...job,
  }))
  const ended = runSchedule({
    jobs: whole,
    clock,
    stop: stop.signal,
    onEvent: (event) => void events.push(event),
  })
  return {
    clock,
    events,
    of: <K extends ScheduleEvent<number>['kind']>(kind: K) =>
      events.filter((event): event is Extract<ScheduleEvent<number>, { kind: K }> => event.kind === kind),
    stop: async () => {
      stop.abort()
      await clock.pass(20_000)
      await ended
    },
  }
}

/** A run of a given duration that ends early when it is aborted. */
const taking =
  (clock: () => SimulatedClock, ms: number, obeys = true) =>
  async (signal: AbortSignal): Promise<number> =>
    new Promise((resolve) => {
      clock().after(ms, () => resolve(1))
      if (obeys) signal.addEventListener('abort', () => resolve(0))
    })

describe('over days', () => {
  it('runs each job at each of its times, and no other', async () => {
    const schedule = scheduled([
      { name: 'often', cadence: every('5m') },
      { name: 'daily', cadence: every('0 3 * * *') },
    ])
    await schedule.clock.pass(3 * 24 * hour)
    await schedule.stop()
    const runs = Map.groupBy(schedule.of('ran'), ({ name }) => name)
    expect(runs.get('often')).toHaveLength(3 * 24 * 12)
    expect(runs.get('daily')?.map(({ dueMs }) => new Date(dueMs).toISOString())).toEqual([
      '2026-11-25T03:00:00.000Z',
      '2026-11-26T03:00:00.000Z',
      '2026-11-27T03:00:00.000Z',
    ])
    expect([...schedule.of('missed'), ...schedule.of('skipped'), ...schedule.of('clock-moved')]).toEqual([])
    expect(Math.max(...schedule.of('ran').map(({ startedMs, dueMs }) => startedMs - dueMs))).toBe(0)
  })

  it('gives each result the time until its next, with some patience', async () => {
    const schedule = scheduled([{ name: 'it' }])
    await schedule.clock.pass(30_000)
    await schedule.stop()
    const [{ dueMs, holdsUntilMs } = { dueMs: 0, holdsUntilMs: 0 }] = schedule.of('ran')
    expect(holdsUntilMs - dueMs).toBe(45_000)
  })

  it('beats at least every 5 s', async () => {
    const schedule = scheduled([{ name: 'daily', cadence: every('0 3 * * *') }])
    await schedule.clock.pass(hour)
    await schedule.stop()
    const beats = schedule.of('beat').map(({ atMs }) => atMs)
    expect(Math.max(...beats.slice(1).map((at, index) => at - (beats[index] ?? 0)))).toBeLessThanOrEqual(6000)
  })
})

describe('a run that takes longer than it is apart from the next', () => {
  it('is never joined by a second one, and what was skipped is counted', async () => {
    let running = 0
    let most = 0
    const schedule = scheduled([
      {
        name: 'slow',
        cadence: every('1s'),
        run: async () => {
          running += 1
          most = Math.max(most, running)
          await taking(() => schedule.clock, 2500)(new AbortController().signal)
          running -= 1
          return 1
        },
      },
    ])
    await schedule.clock.pass(29_999)
    await schedule.stop()
    expect(most).toBe(1)
    // 30 times it was due, every third of which found it idle.
    expect(schedule.of('ran')).toHaveLength(10)
    expect(schedule.of('skipped')).toHaveLength(20)
  })

  it('is aborted at its deadline, and abandoned if it does not end; the next one runs', async () => {
    const schedule = scheduled([
      {
        name: 'late',
        deadlineMs: 5000,
        run: async (signal) => taking(() => schedule.clock, 10 * hour)(signal),
      },
      {
        name: 'hung',
        deadlineMs: 5000,
        run: async (signal) => taking(() => schedule.clock, 10 * hour, false)(signal),
      },
      { name: 'thrown', run: async () => Promise.reject(new Error('broken')) },
    ])
    await schedule.clock.pass(70_000)
    await schedule.stop()
    const outcomes = Map.groupBy(schedule.of('ran'), ({ name }) => name)
    expect(outcomes.get('late')?.map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 2 }, () => ({ state: 'ok', result: 0, isOverdue: true })),
    )
    expect(outcomes.get('hung')?.map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 2 }, () => ({ state: 'timeout' })),
    )
    expect(outcomes.get('thrown')?.map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 2 }, () => ({ state: 'failed', reason: 'broken' })),
    )
  })
})

describe('neither storm nor silence', () => {
  it.each([
    [
      'the machine slept an hour',
      (clock: SimulatedClock) => clock.setWall(clock.wall() + hour),
      { missed: 119, runs: 11, moves: 1 },
    ],
    [
      'this process was stopped for an hour',
      (clock: SimulatedClock) => clock.freeze(hour),
      { missed: 119, runs: 11, moves: 0 },
    ],
    [
      'the clock was set back an hour',
      (clock: SimulatedClock) => clock.setWall(clock.wall() - hour),
      { missed: 0, runs: 10, moves: 1 },
    ],
  ])('when %s', async (_, happens, expected) => {
    const schedule = scheduled([{ name: 'it' }])
    await schedule.clock.pass(300_000)
    const before = schedule.of('ran').length
    happens(schedule.clock)
    await schedule.clock.pass(300_000)
    await schedule.stop()
    expect(before).toBe(10)
    // Of the due times of the hour the last one is recent enough to be run for; one run, not 120.
    const missed = schedule.of('missed').reduce((sum, { count }) => sum + count, 0)
    expect({
      missed,
      runs: schedule.of('ran').length - before,
      moves: schedule.of('clock-moved').length,
    }).toEqual(expected)
  })

  /** A schedule that ended after a stall that began at second 29. */
  const stalled = async (stallMs: number, passedMs: number): Promise<ReturnType<typeof scheduled>> => {
    const schedule = scheduled([{ name: 'it' }])
    await schedule.clock.pass(29_000)
    schedule.clock.freeze(stallMs)
    await schedule.clock.pass(passedMs)
    await schedule.stop()
    return schedule
  }

  it('a short stall within the patience is a late run, not a missed one', async () => {
    const schedule = await stalled(5000, 10_000)
    expect(schedule.of('ran').map(({ startedMs, dueMs }) => startedMs - dueMs)).toEqual([4500])
    expect(schedule.of('missed')).toEqual([])
  })

  it('a stall beyond the patience is a missed run, and the next one is not early', async () => {
    const schedule = await stalled(20_000, 15_000)
    expect(schedule.of('missed').map(({ count }) => count)).toEqual([1])
    expect(schedule.of('ran').map(({ dueMs }) => new Date(dueMs).toISOString())).toEqual([
      '2026-11-24T12:01:00.000Z',
    ])
  })

  it(
    'however the clocks move, at most one run of a job is begun at a time, and time goes on being ' +
      'probed',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.tuple(fc.constantFrom('freeze', 'set'), fc.integer({ min: -2 * hour, max: 2 * hour })),
            {
              maxLength: 6,
            },
          ),
          async (moves) => {
            const schedule = scheduled([{ name: 'it' }])
            for (const [how, ms] of moves) {
              const before = schedule.of('ran').length
              if (how === 'freeze') schedule.clock.freeze(Math.abs(ms))
              else schedule.clock.setWall(schedule.clock.wall() + ms)
              await schedule.clock.pass(120_000)
              const runs = schedule.of('ran').length - before
              expect(runs).toBeGreaterThanOrEqual(3)
              expect(runs).toBeLessThanOrEqual(5)
            }
            await schedule.stop()
          },
        ),
        { numRuns: 30 },
      )
    },
  )

  it('all due times of a silence are accounted for', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('1s', '30s', '7m', '*/2 * * * * *', '0,1,30 * * * *'),
        fc.nat(400_000),
        (text, silence) => {
          const cadence = every(text)
          const due = cadence.next(start)
          const now = due + silence
          const { runMs, missed, nextMs } = findDue(cadence, due, now)
          let all = 0
          for (let at = due; at <= now; at = cadence.next(at)) all += 1
          expect(missed + (runMs === undefined ? 0 : 1)).toBe(all)
          expect(nextMs).toBe(cadence.next(now))
        },
      ),
    )
  })

  it('the missed runs of a year are estimated, not counted individually', () => {
    const due = start - (start % 1000)
    const { missed, nextMs } = findDue(every('1s'), due, due + 365 * 24 * hour)
    expect(missed).toBe(365 * 24 * 3600 + 1)
    expect(nextMs).toBe(due + 365 * 24 * hour + 1000)
  })
})

describe('when it is stopped', () => {
  it('begins nothing more, and lets what runs finish', async () => {
    const schedule = scheduled([
      { name: 'it', run: async (signal) => taking(() => schedule.clock, 3000)(signal) },
    ])
    await schedule.clock.pass(30_000)
    await schedule.stop()
    await schedule.clock.pass(hour)
    expect(schedule.of('ran').map(({ outcome }) => outcome)).toEqual([
      { state: 'ok', result: 1, isOverdue: false },
    ])
  })

  it('is over within 10 s, whatever runs', async () => {
    const stop = new AbortController()
    const clock = createSimulatedClock(start)
    const job: Job<number> = {
      name: 'it',
      cadence: every('1s'),
      deadlineMs: hour,
      run: taking(() => clock, hour, false),
    }
    let over = false
    const ended = runSchedule({ jobs: [job], clock, stop: stop.signal, onEvent: () => undefined }).then(
      () => (over = true),
    )
    await clock.pass(5000)
    stop.abort()
    await clock.pass(9000)
    expect(over).toBe(true)
    await ended
  })
})
