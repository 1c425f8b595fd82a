import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { examples, gateOf, hostileText, runReport } from '../testing/examples/index.ts'
import { toLabelValue, formatFamilies, metricNames, metrics } from './metrics.ts'
import type { Family } from './metrics.ts'
import { openMetricsReport } from './run-metrics.ts'
import { readOpenMetrics, seriesKey } from './testing/exposition.ts'

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(hostileText, '\\n', '\\', '"', 'a,step:b', '\n'),
)
const tiny = { requests: 40, medianMs: 3, spread: 0.2 }

describe('the names of metrics', () => {
  it.each(metricNames)('%s is in base units and says what it is', (name) => {
    expect(name).toMatch(/^vigil_run_[a-z0-9_]+$/)
    // Suffixes that OpenMetrics keeps for the samples of other types, and units that are not base units.
    expect(name).not.toMatch(
      /_(total|created|bucket|count|sum|gcount|gsum|ms|milliseconds|percent|mb|kb|minutes?)$/,
    )
    expect(metrics[name].help).toMatch(/^[^\\\n"]+\.$/)
    expect(metrics[name].help.length).toBeLessThan(200)
  })

  it('are read back from the text with type, unit and help', () => {
    const { families } = readOpenMetrics(openMetricsReport(examples['slow']?.() ?? gateOf({})))
    const table: Record<string, { type: string; help: string }> = metrics
    for (const [name, { type, help }] of families) expect({ type, help }).toEqual(table[name])
    expect(families.get('vigil_run_latency_seconds')?.unit).toBe('seconds')
    expect(families.get('vigil_run_error_ratio')?.unit).toBe('ratio')
    expect(families.get('vigil_run_budget_resident_memory_bytes')?.unit).toBe('bytes')
    expect(families.get('vigil_run_server_cpu_seconds_per_request')?.unit).toBeUndefined()
    expect(families.get('vigil_run_requests')?.unit).toBeUndefined()
  })
})

describe('the text of metrics', () => {
  it('without a run is nothing but its end', () => {
    expect(openMetricsReport(gateOf({}))).toBe('# EOF\n')
  })

  it('has the figures of the record in base units', () => {
    const [report] = examples['slow']?.().runs ?? []
    if (!report) throw new Error('the example has no run')
    const { samples } = readOpenMetrics(openMetricsReport(gateOf({ runs: [report] })))
    const labels = { suite: 'steady', environment: 'default', place: 'default', engine: 'k6' }
    const { totals, endpoints } = report.run
    const of = (name: string, more: Record<string, string> = {}): number | undefined =>
      samples.get(seriesKey(name, { ...labels, ...more }))
    expect(of('vigil_run_requests')).toBe(totals.requests)
    expect(of('vigil_run_latency_seconds', { quantile: '0.95' })).toBe(
      Number((totals.latency.p95Ms / 1000).toPrecision(15)),
    )
    expect(of('vigil_run_latency_seconds', { quantile: '0.95', step: 'task-crud/list' })).toBe(
      Number(((endpoints['task-crud/list']?.latency.p95Ms ?? 0) / 1000).toPrecision(15)),
    )
    expect(of('vigil_run_budget_latency_p95_seconds', { step: 'task-crud/list' })).toBe(0.5)
    expect(of('vigil_run_budget_requests_per_second')).toBe(16.6666666666667)
    expect(of('vigil_run_verdict', { verdict: 'fail' })).toBe(1)
    expect(of('vigil_run_verdict', { verdict: 'pass' })).toBe(0)
    expect(of('vigil_run_latency_seconds_count')).toBe(14_400)
    expect(of('vigil_run_latency_seconds_sum')).toBeCloseTo((totals.latency.meanMs * 14_400) / 1000, 6)
  })

  it('has no series for what was not measured: never a latency of 0', () => {
    const { samples } = readOpenMetrics(openMetricsReport(examples['zeroRequests']?.() ?? gateOf({})))
    expect(
      [...samples.keys()].filter((key) => key.includes('latency_seconds') && !key.includes('budget')),
    ).toEqual([])
    expect([...samples.keys()].filter((key) => key.startsWith('vigil_run_error_ratio'))).toEqual([])
  })

  it('counts of two runs of one suite, environment and engine the last', () => {
    const [earlier, later] = [
      runReport({ suite: 's', steps: { 'a/b': tiny } }),
      runReport({ suite: 's', steps: { 'a/b': { ...tiny, requests: 41 } } }),
    ]
    const { samples } = readOpenMetrics(openMetricsReport(gateOf({ runs: [earlier, later] })))
    expect(
      samples.get(
        seriesKey('vigil_run_requests', {
          suite: 's',
          environment: 'default',
          place: 'default',
          engine: 'k6',
        }),
      ),
    ).toBe(41)
  })

  it.each([' ', '\u0000', '\u200b'])(
    'does not take a step with the unreadable name %j for the whole run',
    (name) => {
      const { samples } = readOpenMetrics(
        openMetricsReport(
          gateOf({ runs: [runReport({ suite: 's', steps: { [name]: tiny, 'a/b': tiny } })] }),
        ),
      )
      expect(
        [...samples]
          .filter(([key]) => key.startsWith('vigil_run_requests['))
          .map(([, value]) => value)
          .toSorted((a, b) => a - b),
      ).toEqual([40, 40, 80])
    },
  )

  it('is bounded, however many steps and kinds of failure there are', () => {
    const report = runReport({
      suite: 's',
      steps: { 'a/b': tiny },
      failures: Array.from({ length: 3000 }, (_, n) => ({
        step: `step ${n} ${'x'.repeat(300)}`,
        class: 'check',
        count: 1,
      })),
    })
    const endpoint = report.run.endpoints['a/b']
    if (!endpoint) throw new Error('the example has no step')
    const endpoints = Object.fromEntries(
      Array.from({ length: 3000 }, (_, n) => [`${'y'.repeat(300)} ${n}`, endpoint]),
    )
    const text = openMetricsReport(gateOf({ runs: [{ ...report, run: { ...report.run, endpoints } }] }))
    expect(text.length).toBeLessThan(4_000_000)
    expect(
      [...readOpenMetrics(text).samples.keys()].filter((key) => key.startsWith('vigil_run_failures')),
    ).toHaveLength(500)
  })

  it('is valid whatever suite, steps, engine, revision and id are called', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, (suite, step, engine, id) => {
        const report = runReport({
          suite,
          engine,
          steps: { [step]: tiny, 'a/b': tiny },
          failures: [{ step, class: 'check', count: 2 }],
          budgets: { p95Ms: 1, steps: { [step]: { p95Ms: 2 } } },
          extras: { id, target: { url: 'http://x', revision: step } },
        })
        expect(readOpenMetrics(openMetricsReport(gateOf({ runs: [report] }))).samples.size).toBeGreaterThan(
          20,
        )
      }),
      { numRuns: 100 },
    )
  })
})

const series = fc.record({
  labels: fc.dictionary(fc.constantFrom('suite', 'step', 'engine'), anyText, { noNullPrototype: true }),
  value: fc.double(),
})
const families = fc
  .uniqueArray(series, { selector: ({ labels }) => seriesKey('', labels), maxLength: 8 })
  .map((samples): Family[] => [
    { name: 'vigil_x_seconds', help: 'A "help" with \\ and\na second line.', type: 'gauge', samples },
  ])

describe('a family', () => {
  it('is read back as it was written, whatever its labels and numbers are', () => {
    fc.assert(
      fc.property(families, (all) => {
        const read = readOpenMetrics(formatFamilies(all))
        expect(read.samples).toEqual(
          new Map(
            all.flatMap(({ name, samples }) =>
              samples.map(({ labels, value }) => [seriesKey(name, labels), value === 0 ? 0 : value]),
            ),
          ),
        )
        expect(read.families.get('vigil_x_seconds')).toEqual({
          type: 'gauge',
          unit: 'seconds',
          help: 'A "help" with \\ and\na second line.',
        })
      }),
    )
  })
})

describe('a label value', () => {
  it('is one line of at most 120 characters without control or direction characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const value = toLabelValue(text)
        expect([...value].length).toBeLessThanOrEqual(120)
        expect(value).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }),
    )
  })

  it('keeps two long names apart that begin alike', () => {
    const long = 'x'.repeat(200)
    expect(toLabelValue(`${long}1`)).not.toBe(toLabelValue(`${long}2`))
    expect(toLabelValue(`${long}1`)).toBe(toLabelValue(`${long}1`))
  })
})
