import { describe, expect, it } from 'vitest'
import type { CapacityResult, Level, Sample } from '../../load/capacity/index.ts'
import { findSaturation } from '../../load/capacity/index.ts'
import { capacityPage, capacityText } from './index.ts'

const evil = '<script>alert(1)</script>\u001B[2J'

function sample(load: number, changes: Partial<Sample> = {}): Sample {
  return {
    run: 'r',
    load,
    outcome: 'kept',
    because: [],
    throughputRps: load * 5,
    meanMs: 4,
    p50Ms: 4,
    p95Ms: 9,
    p99Ms: 12,
    errorRate: 0,
    server: {},
    generatorCpuRatio: 0.2,
    machineBusyRatio: 0.5,
    ...changes,
  }
}

function level(load: number, changes: Partial<Sample> = {}): Level {
  const one = sample(load, changes)
  return {
    load,
    samples: [one],
    throughputRps: one.throughputRps,
    p50Ms: one.p50Ms,
    p95Ms: one.p95Ms,
    p99Ms: one.p99Ms,
    errorRate: one.errorRate,
    outcome: one.outcome,
  }
}

const busy = { cpuMsPerRequest: 0.4, dbPoolUsedRatio: 0.97, dbPoolWaiting: 4 }
const levels = [
  level(100),
  level(400, { server: { cpuMsPerRequest: 0.46 } }),
  level(440, { server: busy }),
  level(480, {
    outcome: 'broke',
    because: [`p95 700 ms, budget < 500 ms ${evil}`],
    p95Ms: 700,
    server: busy,
  }),
]
const result: CapacityResult = {
  schema: 'vigil.capacity/1',
  suite: 'browse',
  engine: 'k6',
  loadUnit: 'journeys/s',
  target: 'http://127.0.0.1:8000',
  startedAt: '2026-11-25T00:00:00.000Z',
  knee: { state: 'found', keeps: 440, breaks: 480 },
  capacityRps: 2200,
  levels,
  saturation: findSaturation(levels),
  settings: {
    variable: 'DATABASE_POOL',
    load: 440,
    enough: '10',
    results: [
      { value: '5', rounds: 3, throughputRps: 1500, throughputRange: [1400, 1600], p95Ms: 80, errorRate: 0 },
      { value: '10', rounds: 3, throughputRps: 2200, throughputRange: [2100, 2250], p95Ms: 30, errorRate: 0 },
    ],
  },
  forecasts: [
    {
      name: 'users',
      query: 'users',
      unit: undefined,
      limit: 1e5,
      forecast: {
        state: 'in sight',
        nowValue: 61_000,
        perDay: { low: 900, middle: 1000, high: 1100 },
        earliestMs: Date.parse('2026-12-30'),
        likelyMs: Date.parse('2027-01-03'),
        latestMs: undefined,
      },
    },
    { name: 'odd', query: 'x', unit: 'bytes', limit: 1e9, forecast: { state: 'unknown', reason: evil } },
  ],
}
const plainly = { color: false, width: 100 }

describe('the texts of a capacity search', () => {
  it('start with the knee, the broken budget and the first resource at its limit', () => {
    const lines = capacityText(result, plainly).split('\n')
    expect(lines[0]).toBe(
      'capacity of browse: keeps every budget at 440 journeys/s, 2,200 requests/s; breaks one at 480: the',
    )
    const text = lines.join(' ').replaceAll(/\s+/g, ' ')
    expect(text).toContain('broken budget: p95 700 ms, budget < 500 ms')
    expect(text).toContain(
      'first resource at its limit: service CPU, at 400 journeys/s: the service used 0.92 ' +
        'cores; then connection pool (440)',
    )
    expect(text).toContain('DATABASE_POOL=10 is sufficient')
    expect(text).toContain(
      'users: 61,000, grows by 1,000 a day: reaches its limit of 100,000 about 2027-01-03 ' +
        '(2026-12-30 to beyond five years)',
    )
  })

  it.each([
    [{ state: 'beyond', keeps: 500, because: 'most' }, 'the highest load tried (--most)'],
    [{ state: 'beyond', keeps: 500, because: 'unmeasured' }, 'the load generator is the bottleneck'],
    [{ state: 'below', breaks: 20 }, 'breaks a budget at 20'],
    [{ state: 'unknown' }, 'nothing could be measured'],
  ] as const)('explain a knee that was not found: %j', (knee, words) => {
    expect(capacityText({ ...result, knee }, plainly).replaceAll(/\s+/g, ' ')).toContain(words)
  })

  it('contain no markup and no control character from outside', () => {
    expect(capacityText(result, plainly)).not.toMatch(/[^\P{Cc}\n]/u)
    const page = capacityPage(result, 500)
    expect(page).not.toContain('<script>')
    expect(page).not.toMatch(/[^\P{Cc}\n]/u)
  })

  it('include a page for a search that measured nothing', () => {
    expect(
      capacityPage(
        {
          ...result,
          levels: [],
          saturation: [],
          knee: { state: 'unknown' },
          settings: undefined,
          forecasts: [],
        },
        undefined,
      ),
    ).toContain('Nothing could be measured')
  })
})

describe('the first saturated resource', () => {
  it('is not a gauge that only one of several measurements showed at its limit', () => {
    const once = [
      {
        ...level(10),
        samples: [
          sample(10, { server: { eventLoopP99Ms: 400 } }),
          sample(10, { server: { eventLoopP99Ms: 5 } }),
          sample(10, { server: { eventLoopP99Ms: 6 } }),
        ],
      },
    ]
    expect(findSaturation(once)).toEqual([])
  })

  it('is absent when no observed resource reached its limit', () => {
    expect(findSaturation([level(10), level(20)])).toEqual([])
  })

  it.each([
    [undefined, ['machine']],
    [0, ['machine']],
    [0.24, ['machine']],
    [0.25, []],
    [0.9, []],
  ])('is not this machine when it was %s busy before the load', (before, expected) => {
    const found = findSaturation([level(4, { machineBusyRatio: 1 })], before)
    expect(found.map(({ resource }) => resource)).toEqual(expected)
  })

  it('is said with what the machine did before', () => {
    const busyBefore = { ...result, saturation: [], machineBusyBefore: 0.9 }
    const words = 'this machine was 90 % busy before the load: no limit can be named'
    expect(capacityText(busyBefore, plainly).replaceAll(/\s+/g, ' ')).toContain(words)
    expect(capacityPage(busyBefore, 500)).toContain(words.slice(1))
    expect(capacityText({ ...result, machineBusyBefore: 0.3 }, plainly).replaceAll(/\s+/g, ' ')).toContain(
      '; this machine was 30 % busy before the load',
    )
    expect(capacityText({ ...result, machineBusyBefore: 0.1 }, plainly)).not.toContain('before the load')
  })
})

describe('a figure of a load', () => {
  it.each([1700, 99_999, 0.00012])('of %d ms has no exponent', (p95Ms) => {
    const slow = { ...result, levels: [level(4, { p95Ms, p50Ms: p95Ms, p99Ms: p95Ms })] }
    for (const text of [capacityText(slow, plainly), capacityPage(slow, 500)]) {
      expect(text).not.toMatch(/\de[+-]\d/)
      expect(text).toContain(String(p95Ms))
    }
  })
})
