import { describe, expect, it } from 'vitest'
import { toAddress } from '../../journeys/index.ts'
import type { Journey } from '../../journeys/index.ts'
import type { PlayedJourney, PlayedStep } from '../engines/k6/k6-runtime/wire.ts'
import { sideFor } from '../engines/k6/k6-runtime/wire.ts'
import { UnitFollower } from './follow.ts'
import type { FollowPlan, MeasuredUnit } from './follow.ts'

/** The same numbers in each run. */
function seeded(): () => number {
  let state = 1
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
}

const journeys: Journey[] = [
  { name: 'visit', steps: [{ name: 'list', request: () => ({ method: 'GET', path: '/' }) }] },
]
const [users, pairsPerUnit, seed] = [4, 4, 7]
const facts = {
  suite: 's',
  target: { url: 'http://127.0.0.1:1' },
  environment: { fingerprint: 'here' },
  ratePerSecond: 4,
  note: undefined,
}
const target = { address: toAddress('http://127.0.0.1:1'), ip: undefined, run: 'r' }

/** One unit a second, with every user once. */
function planOf(pace: Partial<FollowPlan['pace']>): FollowPlan {
  const reader = { cpuMs: () => undefined, databaseCpuMs: () => undefined, exposition: async () => undefined }
  return {
    script: {
      kind: 'duet',
      nonce: 'n',
      seed,
      sides: { baseline: target, candidate: target },
      secrets: [],
      journeys: ['visit'],
      cycle: [0],
      ratePerSecond: 4,
      durationMs: 60_000,
      requestTimeoutMs: 1000,
      users,
      preAllocated: users,
      maxUsers: users,
      contextsFile: undefined,
    },
    pairsPerUnit,
    pace: { unitMs: 1000, minWarmUpMs: 1000, maxWarmUpMs: 60_000, ...pace },
    journeys,
    facts: { baseline: facts, candidate: facts },
    run: 'run',
    readers: { baseline: reader, candidate: reader },
  }
}

/** Plays units whose answers `answer` gives, and returns what was measured and how long the warm-up took. */
async function follow(
  plan: FollowPlan,
  units: number,
  answer: (unit: number, user: number, side: string) => PlayedStep,
): Promise<{ measured: MeasuredUnit[]; warmUpMs: number }> {
  const measured: MeasuredUnit[] = []
  let warmUpMs = 0
  const follower = new UnitFollower(
    plan,
    {
      onWarmUp: (spentMs) => (warmUpMs = spentMs),
      onUnit: (unit) => {
        measured.push(unit)
        return 'continue'
      },
    },
    { wallMs: () => 0, random: seeded(), countDropped: async () => 0, stop: () => undefined },
  )
  // One unit more begins, because a unit ends when the next one begins.
  for (let arrival = 0; arrival < (units + 1) * pairsPerUnit * 2; arrival += 1) {
    const pair = Math.floor(arrival / 2)
    const steps = [answer(Math.floor(pair / pairsPerUnit), pair % users, sideFor(seed, arrival))]
    const played: PlayedJourney = [arrival, 0, arrival, arrival + 1, steps]
    follower.add(played)
  }
  await follower.finish()
  return { measured, warmUpMs }
}

const answered = (latencyMs: number): PlayedStep => [latencyMs, 0, 100, 'sql;desc="1"']
const failed: PlayedStep = [5, 4, 100, '']

describe('a followed duet', () => {
  it('measures from the first unit after the warm-up', async () => {
    const { measured, warmUpMs } = await follow(
      planOf({ minWarmUpMs: 4000, maxWarmUpMs: 60_000 }),
      12,
      (unit) => answered(unit < 5 ? 100 - 18 * unit : 10),
    )
    // Costs fall until unit 5, so units 5 to 8 are the first four of which the last two are as expensive.
    const first = Number(measured[0]?.runs.baseline.id.split('-')[1])
    expect(first).toBeGreaterThan(5)
    expect(warmUpMs).toBe(first * 1000)
    expect(measured).toHaveLength(12 - first)
  })

  it('stops warming up after its maximum, when costs never stop falling', async () => {
    const { measured } = await follow(planOf({ minWarmUpMs: 4000, maxWarmUpMs: 6000 }), 9, (unit) =>
      answered(1000 * 0.5 ** unit),
    )
    expect(measured.map(({ runs }) => runs.candidate.id)).toEqual(
      [6, 7, 8].map((unit) => `run-000${unit}-candidate`),
    )
  })

  it('counts nothing exactly of a user after a failure on one side, in the warm-up too', async () => {
    const statementsOf = async (failsIn: number | undefined) => {
      const { measured } = await follow(planOf({ minWarmUpMs: 4000 }), 8, (unit, user, side) =>
        unit === failsIn && user === 3 && side === 'candidate' ? failed : answered(10),
      )
      return measured.map(({ exact }) => exact['visit/list']?.statements?.pairs)
    }
    expect(await statementsOf(undefined)).toEqual([4, 4, 4, 4])
    expect(await statementsOf(1)).toEqual([3, 3, 3, 3])
    expect(await statementsOf(6)).toEqual([4, 4, 3, 3])
  })

  it('keeps the load running until what follows the decision is done, and adds no unit', async () => {
    const events: string[] = []
    const begun = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    const follower = new UnitFollower(
      planOf({ minWarmUpMs: 0 }),
      {
        onWarmUp: () => undefined,
        onUnit: () => {
          events.push('unit')
          return 'stop'
        },
        onDecided: async (countRequests) => {
          const before = countRequests().baseline
          begun.resolve()
          await done.promise
          events.push(`${countRequests().baseline - before} requests`)
        },
      },
      { wallMs: () => 0, random: seeded(), countDropped: async () => 0, stop: () => events.push('stop') },
    )
    const play = (from: number, to: number): void => {
      for (let arrival = from; arrival < to; arrival += 1)
        follower.add([arrival, 0, arrival, arrival + 1, [answered(1)]])
    }
    play(0, 80)
    await begun.promise
    play(80, 100)
    done.resolve()
    await follower.finish()
    expect(events).toEqual(['unit', '10 requests', 'stop'])
  })

  it('ends the load when a unit cannot be processed, and throws its error', async () => {
    const plan = planOf({ minWarmUpMs: 0 })
    let stopped = 0
    const follower = new UnitFollower(
      plan,
      {
        onWarmUp: () => undefined,
        onUnit: () => {
          throw new Error('no space left on device')
        },
      },
      { wallMs: () => 0, random: seeded(), countDropped: async () => 0, stop: () => (stopped += 1) },
    )
    for (let arrival = 0; arrival < 80; arrival += 1)
      follower.add([arrival, 0, arrival, arrival + 1, [answered(1)]])
    await expect(follower.finish()).rejects.toThrow('no space left on device')
    expect(stopped).toBeGreaterThan(0)
  })
})
