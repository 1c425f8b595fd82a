import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queryPanel, drawableSeries, queryExemplars, queryInstant, substitute } from './query/prometheus.ts'
import type { TargetResult, View } from './query/prometheus.ts'
import { dashboardNames, dashboardPanels, readDashboard } from './query/read.ts'
import { pushBaseline } from './testing/baseline.ts'
import { cardinalityLine, listed } from './testing/cardinality.ts'
import { parseLogLine, parseLogQuery } from './testing/log-queries.ts'
import type { LogLine } from './testing/log-queries.ts'
import { logQueryMayBeEmpty, mayBeEmpty, runbookQueryMayBeEmpty } from './testing/may-be-empty.ts'
import { scrapeSeconds } from './testing/prometheus-config.ts'
import { authLimit, faultsToken, startStack } from './testing/stack.ts'
import type { Stack } from './testing/stack.ts'
import { codeBlocks, queriesIn, runbookSections } from '../prometheus/rules.ts'
import { startTraffic } from './testing/traffic.ts'
import type { Traffic } from './testing/traffic.ts'

/*
 * Grafana cannot run here; what it would ask can. Every query of every panel goes to a real Prometheus, fed
 * by the API
 * with traffic, the exporters, a probe scheduler and a load run pushed by a gate.
 * VIGIL_SHOW_PANELS=1 prints how many series each panel got.
 */
/** Of rates: several scrapes, also when one is lost. */
const windowSeconds = 20
const folder = mkdtempSync(join(tmpdir(), 'vigil-panels-'))
const dashboards = dashboardNames.map(readDashboard)
const cases = dashboards.flatMap((dashboard) =>
  dashboardPanels(dashboard).map((panel) => ({ name: `${dashboard.uid}: ${panel.title}`, dashboard, panel })),
)
const counts: string[] = []
let stack: Stack | undefined
let traffic: Traffic | undefined
let view: View

beforeAll(async () => {
  stack = await startStack(folder, { rules: true })
  traffic = startTraffic(stack.backend, faultsToken, authLimit + 20)
  const gate = await stack.vigil(['gate', '--engine', 'k6'])
  // Any verdict is a measurement, also that this busy machine is not fit for one; only a gate that did not
  // take place is none.
  if (gate.code < 0 || gate.code === 2) throw new Error(`vigil gate ended with ${gate.code}: ${gate.said}`)
  await scraped(stack, ['vigil_run_info'])
  await pushBaseline(stack.prometheus, stack.pushgateway)
  await scraped(stack, signs)
  const to = Math.floor(Date.now() / 1000)
  view = {
    prometheus: stack.prometheus,
    span: { from: to - 24, to, step: 2 },
    window: windowSeconds,
    scrapeInterval: scrapeSeconds,
  }
})

afterAll(async () => {
  await traffic?.stop()
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
  // oxlint-disable-next-line no-console -- what the environment variable asks for
  if (process.env['VIGIL_SHOW_PANELS'] !== undefined) console.log(counts.join('\n'))
})

describe('a panel on live data', () => {
  it.each(cases)('$name', async ({ name, dashboard, panel }) => {
    const results = await queryPanel(dashboard, panel, view)
    counts.push(`${name}: ${results.map(({ result }) => drawableSeries(result).length).join(' + ')} series`)
    const problems = results.flatMap((one) => problemOf(name, one))
    expect(problems, problems.join('\n')).toEqual([])
  })

  it('is listed as one that may be empty only while it exists', () => {
    const queries = cases.flatMap(({ name, panel }) => panel.targets.map(({ refId }) => `${name} ${refId}`))
    expect(queries).toEqual(expect.arrayContaining(Object.keys(mayBeEmpty)))
  })

  it('can be chosen by values of its variables that exist', async () => {
    for (const { templating, uid } of dashboards) {
      for (const { name, definition } of templating.list) {
        const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(definition ?? '') ?? []
        if (metric === undefined || label === undefined) continue
        const result = await queryInstant(view.prometheus, `count by (${label}) (${metric})`, view.span.to)
        expect(
          drawableSeries(result).flatMap(({ labels }) => labels[label] ?? []),
          `${uid}: $${name}`,
        ).not.toEqual([])
      }
    }
  })

  it('leads from single requests to their traces, where it shows exemplars', async () => {
    const shown = cases.flatMap(({ name, dashboard, panel }) =>
      panel.targets.filter(({ exemplar }) => exemplar).map((target) => ({ name, dashboard, target })),
    )
    expect(shown.length).toBeGreaterThan(2)
    for (const { name, dashboard, target } of shown) {
      const expr = substitute(target.expr, dashboard, {
        range: 24,
        window: windowSeconds,
        step: 2,
        scrapeInterval: scrapeSeconds,
      })
      const traces = (
        await queryExemplars(view.prometheus, expr, { ...view.span, from: view.span.to - 120 })
      ).map((labels) => labels['trace_id'])
      expect(
        traces.find((trace) => /^[0-9a-f]{32}$/.test(trace ?? '')),
        name,
      ).toBeDefined()
    }
  })

  it('is annotated with the starts of the API and the verdict of the load run, at their times', async () => {
    for (const { annotations } of dashboards) {
      for (const { name, expr, useValueForTime } of annotations.list) {
        const result = await queryInstant(view.prometheus, expr, view.span.to)
        expect(result.state, `${name}: ${expr}`).toBe('ok')
        if (useValueForTime !== true) continue
        const times = drawableSeries(result).flatMap(({ samples }) => samples.map(({ value }) => value))
        expect(times.length, name).toBeGreaterThan(0)
        for (const time of times) expect(Math.abs(Date.now() - time), name).toBeLessThan(3_600_000)
      }
    }
  })
})

describe('an instance of the API', () => {
  it('gives Prometheus at most 3,000 series, however its callers behave', async () => {
    const result = await queryInstant(
      view.prometheus,
      'max(scrape_samples_scraped{job="todo-backend"})',
      view.span.to,
    )
    const series = drawableSeries(result)[0]?.samples[0]?.value
    counts.push(`series of an instance: ${series ?? 'none'}`)
    expect(series).toBeGreaterThan(1000)
    expect(series).toBeLessThan(3000)
    expect(listed.reduce((sum, { maxSeries }) => sum + maxSeries, 0)).toBeLessThan(3000)
  })

  it('gives each family at most the series that docs/cardinality.md lists, and no other family', async () => {
    const result = await queryInstant(
      view.prometheus,
      'count by (__name__) ({job="todo-backend", __name__!~"up|scrape_.*"})',
      view.span.to,
    )
    const measured = drawableSeries(result).map(({ labels, samples }) => ({
      name: labels['__name__'] ?? '',
      series: samples[0]?.value ?? 0,
    }))
    expect(measured.filter(({ name }) => cardinalityLine(name) === undefined)).toEqual([])
    const byLine = Map.groupBy(measured, ({ name }) => cardinalityLine(name))
    for (const [line, names] of byLine) {
      const series = names.reduce((sum, one) => sum + one.series, 0)
      counts.push(`series of ${line?.families.join(', ')}: ${series} of ${line?.maxSeries}`)
      expect(series, line?.families.join(', ')).toBeLessThanOrEqual(line?.maxSeries ?? 0)
    }
  })
})

const sections = runbookSections()

describe('a query of a runbook', () => {
  const queries = sections.flatMap(({ file, title, text }) =>
    queriesIn(text).map((query) => ({ place: `${file}, ${title}`, query })),
  )

  it('is one of more than a hundred', () => expect(queries.length).toBeGreaterThan(100))

  it('returns finite values of the running stack, or may be empty for a reason', async () => {
    const problems: string[] = []
    for (const { place, query } of queries) {
      const result = await queryInstant(view.prometheus, query, view.span.to)
      const values = result.state === 'ok' ? result.series.flatMap(({ samples }) => samples) : []
      counts.push(`${place}: ${values.length} of ${query}`)
      const reason = Object.keys(runbookQueryMayBeEmpty).find((part) => query.includes(part))
      if (result.state === 'invalid') problems.push(`${place}: ${result.reason}: ${query}`)
      else if (values.length === 0 && reason === undefined) problems.push(`${place}: no series: ${query}`)
      else if (values.some(({ value }) => !Number.isFinite(value)))
        problems.push(`${place}: ${values.map(({ value }) => value).join(', ')}: ${query}`)
    }
    expect(problems, problems.join('\n')).toEqual([])
  })

  it('is listed as one that may be empty only while it exists', () => {
    const unused = Object.keys(runbookQueryMayBeEmpty).filter(
      (part) => !queries.some(({ query }) => query.includes(part)),
    )
    expect(unused).toEqual([])
  })
})

describe('a statement of a runbook', () => {
  it("can be run with the API's own role", async () => {
    const statements = sections.flatMap(({ text }) => codeBlocks(text, 'sql'))
    expect(statements.length).toBeGreaterThan(3)
    const sql = postgres(stack?.databaseUrl ?? '', { max: 1, onnotice: () => undefined })
    try {
      for (const statement of statements)
        await expect(sql.unsafe(statement), statement).resolves.toBeDefined()
    } finally {
      await sql.end()
    }
  })
})

describe('a log query of a runbook', () => {
  it('asks for fields and events that the API has logged in that stream', () => {
    const lines = readFileSync(join(folder, 'backend', 'backend.log'), 'utf8')
      .split('\n')
      .flatMap((line) => parseLogLine(line) ?? [])
    const queries = sections.flatMap(({ title, text }) =>
      codeBlocks(text, 'logql').flatMap((code) =>
        code
          .trim()
          .split('\n')
          .map((query) => ({ title, ...parseLogQuery(query) })),
      ),
    )
    expect(queries.length).toBeGreaterThan(10)
    const has = ({ stream, event }: LogLine, asked: (typeof queries)[number]): boolean =>
      (asked.stream === undefined || stream === asked.stream) &&
      asked.events.every((name) => new RegExp(`^(?:${name})$`).test(event))
    const checked = queries.filter(({ events }) =>
      events.every((name) => logQueryMayBeEmpty[name] === undefined),
    )
    expect(queries.length - checked.length).toBe(Object.keys(logQueryMayBeEmpty).length)
    const problems = checked.flatMap((asked) => {
      const found = lines.filter((line) => has(line, asked))
      const missing = asked.fields.filter((name) => !found.some(({ fields }) => fields.has(name)))
      if (found.length === 0) return [`${asked.title}: no line: ${asked.text}`]
      return missing.length === 0 ? [] : [`${asked.title}: no ${missing.join(', ')}: ${asked.text}`]
    })
    expect(problems, problems.join('\n')).toEqual([])
  })
})

function problemOf(name: string, { target: { refId }, expr, result }: TargetResult): string[] {
  if (result.state === 'invalid') return [`${name}, query ${refId}: ${result.reason}: ${expr}`]
  if (drawableSeries(result).length > 0 || mayBeEmpty[`${name} ${refId}`] !== undefined) return []
  return [`${name}, query ${refId}: expected series, found none: ${expr}`]
}

/** What comes last of what the traffic does, and often enough for a rate of it. */
const signs = [
  'vigil_run_baseline_latency_p95_seconds',
  `rate(rate_limit_hits_total[${windowSeconds}s])`,
  `rate(job_duration_seconds_count[${windowSeconds}s]) > 0`,
  `rate(auth_lockouts_total[${windowSeconds}s]) > 0`,
  `rate(http_requests_total{status=~"5.."}[${windowSeconds}s]) > 0`,
  'vigil_probe_step_success{probe="task-crud"}',
  'pg_stat_statements_calls_total',
  `rate(auth_token_failures_total[${windowSeconds}s])`,
  `rate(namedprocess_namegroup_cpu_seconds_total[${windowSeconds}s])`,
  `rate(node_cpu_seconds_total[${windowSeconds}s])`,
]

// Three seconds ago: what just appeared is not yet at the last point of a picture.
async function scraped({ prometheus }: Stack, all: readonly string[]): Promise<void> {
  const deadline = performance.now() + 60_000
  for (const sign of all) {
    while (drawableSeries(await queryInstant(prometheus, sign, Date.now() / 1000 - 3)).length === 0) {
      if (performance.now() > deadline) throw new Error(`not within 60 s: ${sign}`)
      await sleep(200)
    }
  }
}
