import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import config from '../../vigil.config.ts'
import { requireTool } from '../../runtime/tools/index.ts'
import { alertCases, configurationChecks } from './promtool.ts'
import { queriesIn, readRules, runbookBase, runbookSections, metricsIn } from './rules.ts'
import { knownMetrics } from './testing/known-metrics.ts'
import { kinds, toTimelineTest } from './timeline.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vigil-rules-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const { alerts, records } = readRules()
const aboutAlerts = new Set(['Watchdog', 'CausePending', 'CriticalAlertPersists', 'CriticalAlertUnresolved'])

describe('promtool accepts', () => {
  it.each(Object.entries(configurationChecks))('%s', async (_, check) => {
    const run = await check(await requireTool('promtool'))
    expect(run.code, run.output).toBe(0)
  })
})

describe('the alerts', () => {
  const required = `C1 C2 C3 C4 C5 C6 H1 H2 H3 H4 H5 H6 D1 D2 D3 D4 D5 D6 L1 L2 L3 L4 X1 X2 X3`.split(' ')

  it('cover every alert that is required', () => {
    const met = new Set(alerts.map(({ labels }) => labels['requirement']))
    expect(required.filter((id) => !met.has(id))).toEqual([])
  })

  it('have the severity that their requirement has', () => {
    const severities = { C: 'critical', H: 'high', D: 'medium', L: 'low' } as const
    const wrong = alerts.filter(
      ({ labels }) =>
        /^[CHDL]\d$/.test(labels['requirement'] ?? '') &&
        labels['severity'] !== severities[(labels['requirement'] ?? '').charAt(0) as keyof typeof severities],
    )
    expect(wrong).toEqual([])
  })

  it('keep what was asked for by name', () => {
    const of = (name: string) => alerts.find(({ alert }) => alert === name)
    const [errors, latency] = [of('APIHighErrorRate'), of('APIHighResponseTime')]
    expect(errors).toMatchObject({ for: '2m', labels: { severity: 'critical' } })
    expect(errors?.expr).toMatch(
      /^sum\(rate\(http_requests_total\{status=~"5\.\."\}\[5m\]\)\) \/ sum\(rate\(http_requests_total\[5m\]\)\) > 0\.05\n/,
    )
    expect(latency).toMatchObject({ for: '2m', labels: { severity: 'critical' } })
    // Through a recording of the same file, because the alerts of H1 and D1 ask the same question.
    expect(records.find(({ record }) => record === 'job:http_request_duration_seconds:p95_5m')?.expr).toBe(
      'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))',
    )
    expect(latency?.expr).toMatch(/^job:http_request_duration_seconds:p95_5m > 5\n/)
  })

  it.each(alerts)(
    '$alert says who acts, how soon, on what, and where to read on',
    ({ alert, labels, annotations }) => {
      expect(labels['severity']).toMatch(/^(critical|high|medium|low)$/)
      expect(labels['team']).toMatch(/^(devops|backend|security)$/)
      expect(labels['requirement']).toMatch(/^[A-Z]\d$/)
      expect(labels['signal']).toMatch(/^[a-z-]+$/)
      // The value of an alert about alerts is always 1.
      if (!aboutAlerts.has(alert)) expect(annotations['summary']).toMatch(/\$value/)
      expect(
        Object.keys(annotations)
          .filter((name) => name !== 'worst')
          .toSorted(),
      ).toEqual(['dashboard_url', 'description', 'runbook_url', 'summary'])
      expect(annotations['dashboard_url']).toMatch(
        /^https:\/\/grafana\.example\.com\/d\/todo-(api-performance|database|system|synthetics)$/,
      )
      expect(
        annotations['runbook_url']?.startsWith(runbookBase) === true &&
          annotations['runbook_url'].endsWith(`.md#${alert.toLowerCase()}`),
      ).toBe(true)
    },
  )

  it('limit memory by the budget that a release is held to', () => {
    for (const { expr } of alerts.filter(({ labels }) => labels['signal'] === 'memory'))
      expect(Number(/process_resident_memory_bytes\{job="todo-backend"\} \/ (\S+),/.exec(expr)?.[1])).toBe(
        config.budgets?.rssBytes,
      )
  })
})

describe('the cases', () => {
  it('are there for every alert, and of no other', () => {
    expect([...new Set(alertCases.map(({ alert }) => alert))].toSorted()).toEqual(
      alerts.map(({ alert }) => alert).toSorted(),
    )
  })

  it.each(alerts)(
    '$alert: below its limit, waiting, firing, resolved; without series in the one for all',
    (rule) => {
      const own = alertCases.filter(({ alert, never }) => alert === rule.alert && never !== true)
      for (const row of own) {
        expect(row.for, 'the case waits as long as the rule').toBe(rule.for)
        // Without a `for` there is no waiting; then the last moment below the limit is the one before it
        // fires.
        expect(toTimelineTest(row, rule).alert_rule_test).toHaveLength(
          kinds.length - (rule.for === undefined ? 2 : 1),
        )
        if (row.always !== true) expect(row.timelines.some(({ below, over }) => below !== over)).toBe(true)
      }
    },
  )
})

describe('the runbooks', () => {
  const sections = runbookSections()
  const parts = ['Means', 'How bad', 'First look', 'Decide', 'Act', 'Verify', 'Escalate']

  it('have a section for each alert, where its link points, and none for what is no alert', () => {
    const linked = alerts.map(
      ({ alert, annotations }) =>
        `${(annotations['runbook_url'] ?? '').slice(runbookBase.length).split('#')[0]} ${alert}`,
    )
    // Other sections have titles of several words.
    const written = sections
      .filter(({ title }) => /^[A-Z][A-Za-z]+$/.test(title) && /[a-z][A-Z]|^API|^Watchdog$/.test(title))
      .map(({ file, title }) => `${file} ${title}`)
    expect(written.toSorted()).toEqual(linked.toSorted())
  })

  it.each(alerts)(
    '$alert: what it means, how bad, first look, decide, act, verify, escalate',
    ({ alert }) => {
      const text = sections.find(({ title }) => title === alert)?.text ?? ''
      expect(parts.filter((part) => !text.includes(`**${part}.**`))).toEqual([])
    },
  )
})

describe('the metrics', () => {
  it('that rules and runbooks read are exposed by a component of the stack', async () => {
    const known = await knownMetrics(
      scratch,
      records.map(({ record }) => record),
    )
    const expressions = [...alerts, ...records].map(({ expr }) => expr)
    const pasted = runbookSections().flatMap(({ text }) => queriesIn(text))
    const unknown = [...expressions, ...pasted].flatMap(metricsIn).filter((name) => !known.has(name))
    expect([...new Set(unknown)]).toEqual([])
  })
})
