import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import type { ScriptMetric } from '../../../../record/index.ts'
import { collectOwnMetrics } from './own-metrics.ts'
import { readCrossedThresholds } from './thresholds.ts'
import { ScriptValues } from './values.ts'

const define = (name: string, type: string, contains = 'default', thresholds: unknown[] = []): string =>
  JSON.stringify({
    type: 'Metric',
    data: { name, type, contains, thresholds, submetrics: null },
    metric: name,
  })
const point = (name: string, value: number): string =>
  `{"metric":"${name}","type":"Point","data":{"time":"2026-01-02T03:04:05Z","value":${value},"tags":{}}}`
const check = (name: string, value: number) => ({
  metric: 'checks' as const,
  atMs: 0,
  value,
  user: '1',
  tags: { check: name },
})

describe("a script's own metrics", () => {
  it('are read by their type, with the direction that the thresholds give', () => {
    const own = collectOwnMetrics()
    const lines = [
      define('http_req_waiting', 'trend', 'time'),
      point('http_req_waiting', 5),
      define('pay_time', 'trend', 'time'),
      ...[10, 20, 30, 40].map((ms) => point('pay_time', ms)),
      define('orders', 'counter', 'default', ['count>3']),
      ...[1, 2].map((count) => point('orders', count)),
      define('stock', 'gauge', 'data', ['value>1', 'value<9']),
      ...[7, -2.5, 3e-7].map((value) => point('stock', value)),
      define('won', 'rate', 'default', ['rate<0.5']),
      ...[0, 1, 1, 0].map((value) => point('won', value)),
    ]
    expect(lines.map((line) => own.read(line))).toEqual(lines.map(() => true))
    expect(own.read('printed by the script')).toBe(false)
    expect(own.results(2000).scriptMetrics).toEqual({
      pay_time: {
        type: 'trend',
        unit: 'ms',
        samples: 4,
        better: 'lower',
        value: 25,
        min: 10,
        max: 40,
        p50: expect.closeTo(20, 0) as number,
        p90: 40,
        p95: 40,
        p99: 40,
        histogram: expect.any(Array) as unknown,
      },
      orders: { type: 'counter', samples: 2, better: 'higher', value: 3, perSecond: 1.5 },
      stock: { type: 'gauge', unit: 'bytes', samples: 3, value: 3e-7, min: -2.5, max: 7 },
      won: { type: 'rate', samples: 4, better: 'lower', value: 0.5 },
    })
  })

  it('are bounded in number, and the rest is noted', () => {
    const own = collectOwnMetrics()
    for (let index = 0; index < 500; index += 1) {
      own.read(define(`m${index}`, 'counter'))
      own.read(point(`m${index}`, 1))
      own.addCheck(check(`c${index}\u001B[2J`, index % 2))
    }
    own.read(define('x"><script>', 'counter'))
    const { scriptMetrics, checks, notes } = own.results(1000)
    expect(Object.keys(scriptMetrics)).toHaveLength(50)
    expect(Object.keys(checks)).toHaveLength(51)
    expect(Object.keys(checks)[1]).toBe('c1 [2J')
    expect(checks['other checks']).toEqual({ passes: 225, fails: 225 })
    expect(notes).toHaveLength(2)
  })

  it('keep each value to within half a percent, negative ones too', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e12, max: 1e12, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (samples) => {
          const values = new ScriptValues(true)
          for (const sample of samples) values.add(sample)
          const sorted = samples.toSorted((a, b) => a - b)
          const { p50, p95, p99, histogram } = values.percentiles()
          expect(histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(samples.length)
          for (const [q, found] of [
            [0.5, p50],
            [0.95, p95],
            [0.99, p99],
          ] as const) {
            const exact = sorted[Math.ceil(q * samples.length - 1e-9) - 1] ?? Number.NaN
            expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.0052 + 1e-9)
          }
        },
      ),
    )
  })
})

describe('crossed thresholds', () => {
  it("have k6's value, or the one of the record where k6 did not write it", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vigil-thresholds-'))
    const file = join(folder, 'summary.json')
    const metrics = {
      won: { value: 0.25, thresholds: { 'rate>0.9': true } },
      pay_time: { avg: 25, thresholds: { 'p(99)<5': true, 'avg<99': false } },
      'http_req_duration{a:b}': { thresholds: { 'p(99.9)<5': true } },
    }
    writeFileSync(file, JSON.stringify({ metrics }))
    const payTime: ScriptMetric = { type: 'trend', samples: 1, value: 25, histogram: [[25, 1]] }
    expect(await readCrossedThresholds(file, { pay_time: payTime })).toEqual([
      'threshold on won: rate>0.9, found 0.25',
      'threshold on pay_time: p(99)<5, found 25',
      'threshold on http_req_duration{a:b}: p(99.9)<5',
    ])
    expect(await readCrossedThresholds(join(folder, 'none.json'), {})).toBeUndefined()
    rmSync(folder, { recursive: true })
  })
})
