import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { examples, gateOf, hostileText, runReport } from '../../reports/testing/examples/index.ts'
import type { RunSpec } from '../../reports/testing/examples/index.ts'
import type { RunReport } from '../../reports/index.ts'
import { groupingLabelsFor, openMetricsReport } from '../../reports/prometheus/index.ts'
import { readOpenMetrics, seriesKey } from '../../reports/prometheus/testing/exposition.ts'
import { countOf } from '../../record/index.ts'
import { pushReport, startGateway } from './testing/gateway.ts'
import type { Gateway } from './testing/gateway.ts'

let gateway: Gateway
// A machine without a Pushgateway downloads it once, which takes as long as its network needs.
beforeAll(async () => {
  gateway = await startGateway()
}, 300_000)
beforeEach(async () => gateway.wipe())
afterAll(async () => gateway.stop())

// A slow machine must not cause a retry here; failure.test.ts tests how long a push may take.
const limits = { totalMs: 60_000, attemptMs: 60_000, pausesMs: [] }
const tiny = { requests: 40, medianMs: 3, spread: 0.2 }

function reportOf(spec: Partial<RunSpec>, name = 'default'): RunReport {
  const report = runReport({ suite: 'tiny', steps: { 'a/b': tiny }, ...spec })
  return { ...report, run: { ...report.run, environment: { ...report.run.environment, name } } }
}

/** The gateway's series of a suite, without the two labels that it adds, by their keys in the text. */
async function scraped(suite: string): Promise<Map<string, number>> {
  const { samples } = await gateway.scrape()
  const series = [...samples].flatMap(([key, value]): [string, number][] => {
    const cut = key.indexOf('[')
    const labels = Object.fromEntries(JSON.parse(key.slice(cut)) as [string, string][])
    if (labels['suite'] !== suite || !key.startsWith('vigil_run_')) return []
    const { job, instance, ...own } = labels
    expect({ job, instance }).toEqual({ job: 'vigil', instance: undefined })
    return [[seriesKey(key.slice(0, cut), own), value]]
  })
  return new Map(series)
}

/** The series that were pushed, with the maximum's quantile as Go writes it. */
function written(report: RunReport): Map<string, number> {
  const { samples } = readOpenMetrics(openMetricsReport(gateOf({ runs: [report] })))
  return new Map(
    [...samples].map(([key, value]) => [key.replace('["quantile","1.0"]', '["quantile","1"]'), value]),
  )
}

describe('what is pushed to a real Pushgateway', () => {
  it.each(['slow', 'erring', 'killed', 'saturated', 'fortySteps', 'noSteps', 'zeroRequests', 'huge'])(
    'is what Prometheus scrapes from it, value by value: example %s',
    async (name) => {
      for (const [index, report] of (examples[name]?.().runs ?? []).entries()) {
        const own = { ...report, run: { ...report.run, suite: `${name}-${index}` } }
        expect(await pushReport({ url: gateway.url, ...own, limits })).toEqual({ state: 'ok', attempts: 1 })
        const series = await scraped(own.run.suite)
        expect(series.size).toBeGreaterThan(8)
        expect(series).toEqual(written(own))
      }
    },
  )

  it.each(['slow', 'erring', 'fortySteps', 'noSteps', 'zeroRequests', 'huge'])(
    'is the same in protobuf, with a histogram for each step: example %s',
    async (name) => {
      for (const [index, report] of (examples[name]?.().runs ?? []).entries()) {
        const own = { ...report, run: { ...report.run, suite: `${name}-${index}` } }
        expect(await pushReport({ url: gateway.url, ...own, limits, native: true })).toMatchObject({
          state: 'ok',
        })
        const all = [...(await scraped(own.run.suite))]
        const isHistogram = ([key]: [string, number]): boolean => key.startsWith('vigil_run_step_latency')
        expect(new Map(all.filter((each) => !isHistogram(each)))).toEqual(written(own))
        const answered = Object.values(own.run.endpoints).map(({ histogram }) => countOf(histogram))
        const counts = all.filter(([key]) => key.startsWith('vigil_run_step_latency_seconds_count'))
        expect(counts.map(([, count]) => count).toSorted((a, b) => a - b)).toEqual(
          answered.filter((count) => count > 0).toSorted((a, b) => a - b),
        )
      }
    },
  )

  const names: Record<string, [suite: string, environment: string]> = {
    'a slash': ['team/checkout', '3f9a1c07be52'],
    'only slashes': ['//', '/'],
    'other alphabets': ['結帳 über 🛒', 'Ümgebung'],
    'an empty environment': ['alone', ''],
    'dots that lead out of a path': ['..', '.'],
    'a name that looks encoded': ['a%2Fb', '%'],
    'the suffix of an encoded label': ['a@base64', 'b@base64'],
    'spaces, quotes and braces': [' {a="b"} ?x=1#y', "it's"],
  }
  it.each(Object.entries(names))('keeps its names with %s', async (_, [suite, environment]) => {
    const report = reportOf({ suite }, environment)
    expect(await pushReport({ url: gateway.url, ...report, limits })).toEqual({ state: 'ok', attempts: 1 })
    expect(await scraped(suite.trim())).toEqual(written(report))
  })

  it('keeps any name at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 150 }), fc.constant(hostileText)),
        async (text) => {
          const report = reportOf({ suite: `any ${text}`, engine: text })
          await gateway.wipe()
          expect(await pushReport({ url: gateway.url, ...report, limits })).toEqual({
            state: 'ok',
            attempts: 1,
          })
          expect(await scraped(groupingLabelsFor(report.run).suite)).toEqual(written(report))
        },
      ),
      { numRuns: 12 },
    )
  })

  it('carries the run in an info metric, and nothing that changes from run to run in its group', async () => {
    const report = reportOf({
      suite: 'informed',
      extras: { id: 'run-17', target: { url: 'http://x', revision: 'abc', dirty: true } },
    })
    await pushReport({ url: gateway.url, ...report, limits })
    const labels = {
      suite: 'informed',
      environment: 'default',
      place: 'default',
      fingerprint: '3f9a1c07be52',
      engine: 'k6',
      run: 'run-17',
      revision: 'abc',
      dirty: 'true',
      started: report.run.startedAt,
    }
    expect((await scraped('informed')).get(seriesKey('vigil_run_info', labels))).toBe(1)
    expect(groupingLabelsFor(report.run)).toEqual({
      suite: 'informed',
      environment: 'default',
      place: 'default',
    })
  })
})

describe('a second push', () => {
  it('takes the place of the first: what is gone is gone', async () => {
    const first = reportOf({
      suite: 'replaced',
      steps: { 'a/b': tiny, 'a/gone': tiny },
      failures: [{ step: 'a/gone', class: 'status', count: 3 }],
    })
    const second = reportOf({
      suite: 'replaced',
      steps: { 'a/b': { ...tiny, requests: 41 } },
      extras: { server: {} },
    })
    await pushReport({ url: gateway.url, ...first, limits })
    expect([...(await scraped('replaced')).keys()].join('\n')).toContain('a/gone')
    await pushReport({ url: gateway.url, ...second, limits })
    expect(await scraped('replaced')).toEqual(written(second))
  })

  it('of another suite, or from another environment, does not replace the first', async () => {
    const reports = [
      reportOf({ suite: 'left' }),
      reportOf({ suite: 'right', steps: { 'a/c': tiny } }),
      reportOf({ suite: 'right', steps: { 'a/d': tiny } }, 'elsewhere'),
    ]
    for (const report of reports) await pushReport({ url: gateway.url, ...report, limits })
    expect(await scraped('left')).toEqual(
      new Map(reports.slice(0, 1).flatMap((report) => [...written(report)])),
    )
    expect(await scraped('right')).toEqual(
      new Map(reports.slice(1).flatMap((report) => [...written(report)])),
    )
  })
})

describe('next to another pusher', () => {
  it('whose type clashes, it is refused once with the reason, and works again without it', async () => {
    const clashing = await startGateway()
    try {
      expect(
        await clashing.pushText('job/other', '# TYPE vigil_run_requests counter\nvigil_run_requests 1\n'),
      ).toBe('200')
      const refused = await pushReport({ url: clashing.url, ...reportOf({}), limits })
      expect(refused).toMatchObject({ state: 'failed', attempts: 1 })
      if (refused.state === 'failed')
        expect(refused.reason).toMatch(/^http:\/\/127\.0\.0\.1:\d+: answered 400: .*vigil_run_requests/)
      await (await fetch(`${clashing.url}/metrics/job/other`, { method: 'DELETE' })).arrayBuffer()
      expect(await pushReport({ url: `${clashing.url}/`, ...reportOf({}), limits })).toEqual({
        state: 'ok',
        attempts: 1,
      })
    } finally {
      await clashing.stop()
    }
  })
})
