import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

interface Loki {
  compactor: { retention_enabled: boolean; delete_request_store: string }
  schema_config: { configs: { store: string; index: { period: string } }[] }
  limits_config: {
    retention_period: string
    retention_stream: { selector: string; priority: number; period: string }[]
    max_query_length: string
  }
}

const loki = parse(read('monitoring/loki/loki.yaml')) as Loki
const daysOf = (period: string): number => Number(/^(\d+)h$/.exec(period)?.[1]) / 24
const kept = Object.fromEntries(
  loki.limits_config.retention_stream.map(({ selector, period }) => [
    /^\{stream="(\w+)"\}$/.exec(selector)?.[1] ?? selector,
    daysOf(period),
  ]),
)

/** A month is at most 31 days, six at most 184, a year at most 366: by the days of any date. */
function mostDays(months: number): number {
  const spans = Array.from(
    { length: 48 },
    (_, month) => (Date.UTC(2024, month + months, 1) - Date.UTC(2024, month, 1)) / 86_400_000,
  )
  return Math.max(...spans)
}

describe('the retention of logs in Loki', () => {
  it('is as required: application 30 days, security 90 days, audit a year, errors 6 months', () => {
    expect(kept).toEqual({ application: 30, security: 90, audit: mostDays(12), error: mostDays(6) })
  })

  it("is that of the API's own files", () => {
    const source = read('backend/observability/log-files.ts')
    const [, days = ''] = /retentionDays = \{(.*?)\}/.exec(source) ?? []
    const own = [...days.matchAll(/(\w+): (\d+)/g)].map(([, stream = '', count]) => [stream, Number(count)])
    expect(Object.fromEntries(own)).toEqual(kept)
    expect(read('backend/README.md')).toMatch(
      /application after 30 days, security after 90 days, error after 184 days, audit after 366 days/,
    )
  })

  it('is applied at all: by the compactor, on an index of whole days', () => {
    expect(loki.compactor).toMatchObject({ retention_enabled: true, delete_request_store: 'filesystem' })
    for (const { store, index } of loki.schema_config.configs)
      expect([store, index.period]).toEqual(['tsdb', '24h'])
    expect(daysOf(loki.limits_config.retention_period)).toBe(30)
    expect(daysOf(loki.limits_config.max_query_length)).toBeGreaterThan(Math.max(...Object.values(kept)))
  })
})

describe('the pipeline of the agent', () => {
  const alloy = read('monitoring/loki/logs.alloy')

  it('labels with every stream that has a retention of its own, and with few things besides', () => {
    const labelled = /"stream\\":\\"\(([\w|]+)\)\\"/.exec(alloy)?.[1]?.split('|') ?? []
    expect(labelled.toSorted()).toEqual(Object.keys(kept).toSorted())
    const labels = [...alloy.matchAll(/stage\.labels \{\s*values = \{ (\w+) = "" \}/g)].map(
      ([, label]) => label,
    )
    expect(labels).toEqual(['stream', 'level'])
  })

  it("reads the API's fields and files by their names", () => {
    const logs = read('backend/README.md')
    for (const [, field = ''] of alloy.matchAll(/^ {6}\w+ += "(\w+)",$/gm))
      expect(logs).toContain(`\`${field}\``)
    const pattern = /__path__ +=\s*"\/var\/log\/todo\/(.+)"/.exec(alloy)?.[1] ?? ''
    expect('audit-2026-11-24.log').toMatch(
      new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`),
    )
  })

  it('hands each line from one component to the next that is there', () => {
    const defined = new Set(
      [...alloy.matchAll(/^([\w.]+) "(\w+)" \{$/gm)].map(([, kind, label]) => `${kind}.${label}`),
    )
    const referred = [
      ...alloy.matchAll(/(local\.file_match|loki\.\w+(?:\.\w+)?)\.(\w+)\.(?:targets|receiver)/g),
    ].map(([, kind, label]) => `${kind}.${label}`)
    expect(referred.length).toBe(3)
    for (const name of referred) expect([...defined]).toContain(name)
  })
})
