import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { metricNames, runHistograms } from '../../reports/prometheus/index.ts'
import { dashboards, toFileText } from './dashboards.ts'
import { dashboardNames, dashboardPanels, readDashboard } from './query/read.ts'
import type { DashboardJson, PanelJson } from './query/read.ts'
import { substitute } from './query/prometheus.ts'

const all = dashboardNames.map(readDashboard)
const panels = all.flatMap((dashboard) =>
  dashboardPanels(dashboard).map((panel) => ({ name: `${dashboard.uid}: ${panel.title}`, dashboard, panel })),
)
const surroundings = { range: 3600, window: 60, step: 15, scrapeInterval: 15 }

describe('the files of dashboards', () => {
  it('are those that the code writes: npm run generate', () => {
    const written = dashboards()
    expect(Object.keys(written).toSorted()).toEqual(dashboardNames.map((name) => `${name}.json`).toSorted())
    for (const [name, dashboard] of Object.entries(written))
      expect(
        fileOf(dashboard.uid ?? '') === toFileText(dashboard),
        `${name} is not what the code writes: npm run generate`,
      ).toBe(true)
  })

  it.each(all)('$uid has ids of its own, and a heading before all else', ({ panels: list }) => {
    expect(new Set(list.map(({ id }) => id)).size).toBe(list.length)
    expect(list[0]?.title).toBe('Right now')
  })

  it.each(all)('$uid lays its panels out in whole lines, none on another', (dashboard) => {
    expect(overlaps(dashboard)).toEqual([])
    expect(brokenLines(dashboard)).toEqual([])
  })

  it.each(all)('$uid shows on the first screen what must be known now', (dashboard) => {
    const first = dashboardPanels(dashboard).filter(({ gridPos }) => gridPos.y < 5)
    expect(first.map(({ type }) => type)).toEqual(first.map(() => 'stat'))
    expect(first.length).toBeGreaterThanOrEqual(6)
    expect(
      first.filter(({ fieldConfig: { defaults } }) => defaults.thresholds ?? defaults.mappings).length,
    ).toBeGreaterThanOrEqual(4)
  })

  it.each(all)('$uid uses every variable that it offers', (dashboard) => {
    const text = fileOf(dashboard.uid)
    for (const { name } of dashboard.templating.list)
      expect(text, `$${name}`).toMatch(new RegExp(String.raw`\$(\{${name}\}|${name}\b)`))
  })
})

describe('a panel', () => {
  it.each(panels)('$name says what to look for', ({ panel }) => {
    expect(panel.description.length).toBeGreaterThan(60)
    expect(panel.description).toMatch(/[.…?]$/)
  })

  it.each(panels)('$name has a unit and names its series', ({ panel }) => {
    const unit =
      panel.type === 'table'
        ? panel.fieldConfig.overrides.flatMap(({ properties }) => properties).find(({ id }) => id === 'unit')
            ?.value
        : panel.fieldConfig.defaults.unit
    expect(unit).toBeTypeOf('string')
    for (const { legendFormat } of panel.targets)
      if (panel.type !== 'table') expect(legendFormat).toBeTruthy()
  })

  it.each(panels)('$name leaves no variable unknown', ({ dashboard, panel }) => {
    for (const { expr } of panel.targets)
      expect(substitute(expr, dashboard, surroundings)).not.toMatch(/\$\{?[a-z_]/i)
  })
})

describe('what a reader compares', () => {
  const series = panels.filter(({ panel }) => panel.type === 'timeseries')

  it.each(series)('$name has last, mean and maximum in its legend, sorted', ({ dashboard, panel }) => {
    const file = z
      .object({ panels: z.array(z.looseObject({ id: z.number(), options: z.unknown().optional() })) })
      .parse(JSON.parse(fileOf(dashboard.uid)))
    expect(file.panels.find(({ id }) => id === panel.id)?.options).toMatchObject({
      legend: {
        displayMode: 'table',
        calcs: ['lastNotNull', 'mean', 'max'],
        sortBy: 'Last *',
        sortDesc: true,
      },
    })
  })

  it('has fixed colours for status classes: no failure is green', () => {
    const classes = panels.filter(({ panel }) => panel.targets.some(({ expr }) => expr.includes('"${1}xx"')))
    expect(classes.length).toBeGreaterThan(0)
    for (const { panel } of classes) {
      const colours = panel.fieldConfig.overrides.map(({ matcher, properties }) => [
        matcher.options,
        properties.find(({ id }) => id === 'color')?.value,
      ])
      for (const [status, colour] of [
        ['2xx', 'green'],
        ['4xx', 'yellow'],
        ['5xx', 'red'],
      ])
        expect(colours).toContainEqual([status, { mode: 'fixed', fixedColor: colour }])
    }
  })

  it('lists the alerts that fire, with their severity and since when, the earliest first', () => {
    const list = panels.find(({ panel }) => panel.title === 'Alerts firing, and since when')
    expect(list?.dashboard.uid).toBe('todo-api-performance')
    expect(list?.panel.targets[0]?.expr).toContain('ALERTS_FOR_STATE')
    for (const { panel } of panels)
      for (const { expr } of panel.targets)
        expect(expr, panel.title).not.toMatch(/ALERTS\w*\{(?![^}]*Watchdog\|CausePending)/)
    const [rename, sort] = transformationsOf(list?.panel.title ?? '')
    expect(rename).toMatchObject({
      renameByName: { severity: 'Severity', alertname: 'Alert', Value: 'Since' },
    })
    expect(sort).toMatchObject({ sort: [{ field: 'Since' }] })
  })

  it('shows the text of a statement, not only its id', () => {
    const statements = panels.filter(({ panel }) => panel.title === 'Slowest statements in PostgreSQL')
    expect(statements.map(({ panel }) => panel.targets[0]?.expr)).toEqual([
      expect.stringMatching(/group_left \(query\)/),
    ])
    expect(transformationsOf('Slowest statements in PostgreSQL')[0]).toMatchObject({
      renameByName: { query: 'Statement' },
    })
  })

  it('draws the first few of what can be many', () => {
    const many = /\bby \([^)]*\b(route|query|queryid|relname|indexrelname)\b/
    const all = series
      .filter(({ panel }) => panel.targets.some(({ expr }) => many.test(expr) && !expr.includes('topk')))
      .map(({ panel }) => panel.title)
    // The first is stacked: its height is the sum. The second has only queries that were slow.
    expect(all).toEqual(['Request rate by endpoint', 'Slow queries (over 1 s)'])
  })

  it('has fixed colours for verdicts and the states of probes', () => {
    const mapped = panels.flatMap(({ panel }) =>
      [...JSON.stringify(panel.fieldConfig).matchAll(/"text":"(\w+)","color":"(\w+)"/g)].map(
        ([, state, colour]) => `${state} ${colour}`,
      ),
    )
    const states = ['pass green', 'inconclusive yellow', 'invalid purple', 'fail red']
    const outcomes = ['up green', 'degraded yellow', 'unknown purple', 'down red']
    const known = new Set([...states, ...outcomes].map((pair) => pair.split(' ')[0]))
    const used = new Set(mapped.filter((pair) => known.has(pair.split(' ')[0])))
    expect([...used].toSorted()).toEqual([...states, ...outcomes].toSorted())
  })

  it('names its annotations, in three colours, and lets a reader turn each off', () => {
    for (const { uid } of all) {
      const { list } = z
        .object({
          annotations: z.object({
            list: z.array(
              z.object({ name: z.string(), iconColor: z.string(), hide: z.boolean().optional() }),
            ),
          }),
        })
        .parse(JSON.parse(fileOf(uid))).annotations
      expect(list.map(({ name, hide = false }) => [name, hide])).toEqual([
        ['Alerts', false],
        ['Starts of the API', false],
        ['Verdicts of load runs', false],
      ])
      expect(new Set(list.map(({ iconColor }) => iconColor)).size).toBe(list.length)
    }
  })

  it('has limits that an editor can show', () => {
    const limits = panels.flatMap(({ panel }) => panel.fieldConfig.defaults.thresholds?.steps ?? [])
    expect(limits.filter(({ value }) => value !== null && value > 0 && value < 0.0001)).toEqual([])
  })

  it('has rates over the interval that Grafana computes, and no variable for it', () => {
    for (const dashboard of all) expect(fileOf(dashboard.uid)).not.toMatch(/\$interval|"interval"/)
  })

  it('opens logs and traces by queries of provisioned sources, for the time range of the dashboard', () => {
    const links = panels.flatMap(({ panel }) => (panel.links ?? []).map(({ url }) => url))
    const explored = links.filter((url) => url.startsWith('/explore'))
    expect(explored.length).toBeGreaterThan(5)
    for (const url of explored) {
      const panes: unknown = JSON.parse(new URL(url, 'http://grafana').searchParams.get('panes') ?? '')
      const query = { datasource: { uid: expect.stringMatching(/^(loki|tempo)$/) } }
      expect(panes).toMatchObject({ a: { queries: [query], range: { from: '${__from}', to: '${__to}' } } })
      expect(url).toContain('${__from}')
    }
  })
})

describe('a query about load runs', () => {
  it('asks for metrics that reports push, so that a panel cannot wait for what never comes', () => {
    const asked = new Set(
      panels.flatMap(({ panel }) =>
        panel.targets.flatMap(({ expr }) => expr.match(/\bvigil_run_\w+/g) ?? []),
      ),
    )
    expect(asked.size).toBeGreaterThan(8)
    expect(
      [...asked]
        .map((name) => name.replace(/_(?:sum|count)$/, ''))
        .filter((name) => ![...metricNames, ...Object.keys(runHistograms)].some((pushed) => pushed === name)),
    ).toEqual([])
  })
})

describe('variables in a query', () => {
  const [dashboard] = all
  const of = (expr: string, step = 15): string | undefined =>
    dashboard && substitute(expr, dashboard, { ...surroundings, step })

  it('are replaced as Grafana does it', () => {
    expect(of('x{instance=~"$instance"}')).toBe('x{instance=~".*"}')
    expect(of('increase(x[$__range])')).toBe('increase(x[3600s])')
    expect(of('rate(x[$__rate_interval])')).toBe('rate(x[60s])')
    expect(of('rate(x[$__rate_interval])', 120)).toBe('rate(x[135s])')
    expect(of('label_replace(x, "class", "${1}xx", "status", "(.)..")')).toBe(
      'label_replace(x, "class", "${1}xx", "status", "(.)..")',
    )
  })
})

/** The options of a panel's transformations, which Grafana applies to its table. */
function transformationsOf(title: string): unknown[] {
  const file = z.object({
    panels: z.array(
      z.object({
        title: z.string(),
        transformations: z.array(z.object({ options: z.unknown() })).optional(),
      }),
    ),
  })
  return all
    .flatMap(({ uid }) => file.parse(JSON.parse(fileOf(uid))).panels)
    .filter((panel) => panel.title === title)
    .flatMap(({ transformations = [] }) => transformations.map(({ options }) => options))
}

function fileOf(uid: string): string {
  return readFileSync(new URL(`dashboards/${uid}.json`, import.meta.url), 'utf8')
}

function overlaps(dashboard: DashboardJson): string[] {
  const boxes = dashboardPanels(dashboard)
  return boxes.flatMap((one, index) =>
    boxes.slice(index + 1).flatMap((other) => (cover(one, other) ? [`${one.title} / ${other.title}`] : [])),
  )
}

function cover({ gridPos: a }: PanelJson, { gridPos: b }: PanelJson): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

/** Lines whose panels do not fill 24 columns, or differ in height: both leave holes. */
function brokenLines(dashboard: DashboardJson): string[] {
  const lines = Map.groupBy(dashboardPanels(dashboard), ({ gridPos }) => gridPos.y)
  return [...lines.values()].flatMap((line) => {
    const width = line.reduce((sum, { gridPos }) => sum + gridPos.w, 0)
    const heights = new Set(line.map(({ gridPos }) => gridPos.h))
    return width === 24 && heights.size === 1 ? [] : [line.map(({ title }) => title).join(', ')]
  })
}
