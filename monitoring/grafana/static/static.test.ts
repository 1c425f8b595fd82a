import { describe, expect, it } from 'vitest'
import type { TargetResult } from '../query/prometheus.ts'
import { dashboardNames, dashboardPanels, readDashboard } from '../query/read.ts'
import type { DashboardJson } from '../query/read.ts'
import { format } from './format.ts'
import { dashboardPage } from './page.ts'

const span = { from: 1_790_000_000, to: 1_790_000_600, step: 10 }
const hostile = '<img src=x onerror=alert(1)>"\'`'

/** Two series for each query, one with a gap, a zero and a NaN in it. */
function resultsFor(dashboard: DashboardJson, labels: Record<string, string>): Map<number, TargetResult[]> {
  const values = [0, 1, 0.5, Number.NaN, 3, 4]
  const samples = values.map((value, index) => ({
    at: span.from + index * span.step * (index > 3 ? 2 : 1),
    value,
  }))
  return new Map(
    dashboardPanels(dashboard).map((panel) => [
      panel.id,
      panel.targets.map((target): TargetResult => ({
        target,
        expr: '',
        result: {
          state: 'ok',
          series: [
            { labels, samples },
            { labels: { ...labels, status: '503' }, samples: samples.slice(2) },
          ],
        },
      })),
    ]),
  )
}

describe.each(dashboardNames.map(readDashboard))('$uid drawn', (dashboard) => {
  const marks = [{ name: 'start', kind: 'Starts of the API', colour: 'blue', at: span.from + 100 }]

  it('shows every row and panel with figures in it', () => {
    const page = dashboardPage({
      dashboard,
      results: resultsFor(dashboard, { route: '/tasks' }),
      span,
      marks,
    })
    for (const { title } of dashboard.panels) expect(page).toContain(`>${title}</h`)
    expect(page.match(/class="panel"/g)).toHaveLength(dashboardPanels(dashboard).length)
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('says of a panel without data what Grafana would say', () => {
    const page = dashboardPage({ dashboard, results: new Map(), span, marks: [] })
    expect(page).toContain('No data')
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('takes nothing that a label says for markup', () => {
    const labels = Object.fromEntries(
      [
        'route',
        'method',
        'status',
        'query',
        'datname',
        'groupname',
        'probe',
        'step',
        'suite',
        'run',
        'policy',
        'limit',
        'relname',
      ].map((name) => [name, hostile]),
    )
    expect(dashboardPage({ dashboard, results: resultsFor(dashboard, labels), span, marks })).not.toContain(
      '<img',
    )
  })

  it('needs nothing from elsewhere', () => {
    expect(dashboardPage({ dashboard, results: new Map(), span, marks: [] })).not.toMatch(
      /<script|<link|url\(|src=/,
    )
  })
})

describe('a curve', () => {
  it('has the colour that the file gives it, and its last value in the legend', () => {
    const dashboard = readDashboard('todo-api-performance')
    const page = dashboardPage({
      dashboard,
      results: resultsFor(dashboard, { class: '5xx' }),
      span,
      marks: [],
    })
    const panel = page.slice(page.indexOf('Responses by status class</h3>'))
    const first = /<div class="legend">([^]*?)<\/div>/.exec(panel)?.[1]
    expect(first).toMatch(/background:#c4162a"><\/i>5xx <b>4 req\/s<\/b>/)
  })
})

describe('a figure', () => {
  it.each([
    ['s', 0.0123, '12.3 ms'],
    ['s', 90, '1.5 min'],
    ['s', 0, '0 s'],
    ['percentunit', 0.0213, '2.13 %'],
    ['decbytes', 512e6, '512 MB'],
    ['Bps', 1500, '1.5 kB/s'],
    ['reqps', 12.34, '12.3 req/s'],
    ['short', 12_345, '12.3 K'],
    ['short', 0, '0'],
    ['dateTimeFromNow', 940_000, '1 min ago'],
    ['none', Number.NaN, '–'],
  ])('in %s, %d, reads %s', (unit, value, text) => {
    expect(format(unit, value, 1_000_000)).toBe(text)
  })
})
