import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { requireTool } from '../../runtime/tools/index.ts'
import { alertCases, runTool } from '../prometheus/promtool.ts'
import { readRules } from '../prometheus/rules.ts'
import { receiverOf, routeArguments, waysOf } from './routes.ts'

const file = fileURLToPath(new URL('alertmanager.yml', import.meta.url))
const templates = fileURLToPath(new URL('templates/*.tmpl', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'vigil-alertmanager-'))
afterAll(() => rmSync(scratch, { recursive: true }))

let amtool = ''
beforeAll(async () => {
  amtool = await requireTool('amtool')
})

const { alerts } = readRules()
const integration = z.looseObject({ send_resolved: z.boolean() })
const text = readFileSync(file, 'utf8')
const config = z
  .looseObject({
    route: z.looseObject({}),
    receivers: z.array(z.looseObject({ name: z.string() }).catchall(z.unknown())),
    inhibit_rules: z.array(
      z.looseObject({ source_matchers: z.array(z.string()), target_matchers: z.array(z.string()) }),
    ),
  })
  .parse(parse(text, { merge: true }))

describe('amtool', () => {
  it('accepts the configuration', async () => {
    const run = await runTool(amtool, ['check-config', file])
    expect(run.code, run.output).toBe(0)
  })

  it('routes every alert to whom it is for', async () => {
    expect(Object.keys(receiverOf).toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted())
    const runs = await Promise.all(
      alerts.map(async (rule) =>
        runTool(amtool, routeArguments(rule, receiverOf[rule.alert] ?? 'unknown', file)),
      ),
    )
    expect(
      runs
        .map(({ code, output }, index) => (code === 0 ? '' : `${alerts[index]?.alert}: ${output}`))
        .filter((problem) => problem !== ''),
    ).toEqual([])
  })

  it('notices a route that is broken', async () => {
    const broken = join(scratch, 'broken.yml')
    writeFileSync(
      broken,
      text
        .replace(
          `- matchers: ['severity="critical"']\n      receiver: critical`,
          `- matchers: ['severity="kritical"']\n      receiver: critical`,
        )
        .replace("'templates/*.tmpl'", `'${templates}'`),
    )
    const rule = alerts.find(({ alert }) => alert === 'APIHighErrorRate')
    const run = await runTool(amtool, rule ? routeArguments(rule, 'critical', broken) : [])
    expect([run.code, run.output]).toEqual([1, expect.stringMatching(/expected receivers did not match/i)])
  })

  it('routes an alert without a route of its own to a receiver that people read', async () => {
    const run = await runTool(amtool, [
      'config',
      'routes',
      'test',
      `--config.file=${file}`,
      '--verify.receivers=email',
      'alertname=Unknown',
    ])
    expect(run.code, run.output).toBe(0)
  })
})

describe('the configuration', () => {
  it('groups and repeats as asked for', () => {
    expect(config.route).toMatchObject({
      group_by: ['alertname'],
      group_wait: '10s',
      group_interval: '10s',
      repeat_interval: '1h',
    })
  })

  it.each(config.receivers)('$name uses the expected channels and also sends resolved alerts', (receiver) => {
    const kinds = Object.entries(receiver).filter(([key]) => key.endsWith('_configs'))
    expect(kinds.map(([key]) => key.replace('_configs', '')).toSorted()).toEqual(
      waysOf[receiver.name as keyof typeof waysOf],
    )
    for (const one of kinds.flatMap(([, configs]) => z.array(integration).parse(configs)))
      expect(one.send_resolved).toBe(true)
  })

  it('takes secrets from files only', () => {
    const keys = [...text.matchAll(/^\s*-?\s*(\w*(?:password|secret|_key|token|api_url)\w*):/gm)].map(
      (match) => match[1] ?? '',
    )
    expect(keys.filter((key) => !key.endsWith('_file'))).toEqual([])
    expect(keys.length).toBeGreaterThan(4)
  })

  it('names no alert that is none', () => {
    const named = config.inhibit_rules
      .flatMap((rule) => [...rule.source_matchers, ...rule.target_matchers])
      .flatMap((matcher) => /^alertname=~?"(.*)"$/.exec(matcher)?.[1]?.split('|') ?? [])
    const known = new Set(alerts.map(({ alert }) => alert))
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})

describe('the text of notifications', () => {
  const alert = (status: string) => ({
    Status: status,
    Labels: {
      alertname: 'APIHighErrorRate',
      severity: 'critical',
      team: 'backend',
      requirement: 'C2',
      signal: 'errors',
    },
    Annotations: {
      summary: '12% of requests fail <now>',
      description: 'Error rate is 12% over 5 minutes.',
      runbook_url: 'https://vigil.example.com/docs/runbooks/errors.md#apihigherrorrate',
      dashboard_url: 'https://grafana.example.com/d/todo-api-performance',
    },
    StartsAt: '2026-11-25T01:02:03Z',
    EndsAt: '2026-11-25T01:12:03Z',
    Fingerprint: '1',
  })
  interface Shown {
    count?: number
    type?: 'text' | 'html'
    labels?: Record<string, string>
    annotations?: Record<string, string>
    endsAt?: string
    /** An alert of the same group that has ended. */
    ended?: string
    /** Another alert of the same group that fires. */
    also?: string
    /** When it ended: by default at the same time as the other one. */
    endedAt?: string
  }
  const render = async (
    template: string,
    status: 'firing' | 'resolved',
    shown: Shown = {},
  ): Promise<string> => renderText(`{{ template "${template}" . }}`, status, shown)
  const renderText = async (
    template: string,
    status: 'firing' | 'resolved',
    { count = 1, type = 'text', labels = {}, annotations = {}, endsAt, ended, endedAt, also }: Shown = {},
  ): Promise<string> => {
    const usual = alert(status)
    const one = {
      ...usual,
      Labels: { ...usual.Labels, ...labels },
      Annotations: { ...usual.Annotations, ...annotations },
      EndsAt: endsAt ?? usual.EndsAt,
      GeneratorURL: 'https://prometheus.example.com/graph?g0.expr=up%3D%3D0&g0.tab=1',
    }
    const before = {
      ...alert('resolved'),
      ...(endedAt !== undefined && { EndsAt: endedAt }),
      Labels: { ...one.Labels, alertname: ended, signal: 'another' },
      Annotations: { ...one.Annotations, runbook_url: 'https://wrong', dashboard_url: 'https://wrong' },
      GeneratorURL: 'https://wrong',
    }
    const other = { ...one, Labels: { ...one.Labels, alertname: also } }
    const all = [
      ...(ended === undefined ? [] : [before]),
      ...(also === undefined ? [] : [other]),
      ...Array.from({ length: count }, () => one),
    ]
    const common = Object.entries(one.Labels).filter(
      ([name]) => ended === undefined || !/^(alertname|signal)$/.test(name),
    )
    const data = join(mkdtempSync(join(scratch, 'data-')), 'data.json')
    writeFileSync(
      data,
      JSON.stringify({
        Receiver: 'critical',
        Status: status,
        Alerts: all,
        GroupLabels: { alertname: 'APIHighErrorRate' },
        CommonLabels: Object.fromEntries(common),
        CommonAnnotations: one.Annotations,
        ExternalURL: 'https://alertmanager.example.com',
      }),
    )
    const run = await runTool(amtool, [
      'template',
      'render',
      `--template.glob=${templates}`,
      `--template.text=${template}`,
      `--template.data=${data}`,
      `--template.type=${type}`,
    ])
    expect(run.code, run.output).toBe(0)
    return run.output.trim()
  }

  it('first: how bad, what, and the value', async () => {
    expect(await render('vigil.title', 'firing')).toBe(
      'CRITICAL APIHighErrorRate: 12% of requests fail <now>',
    )
    expect(await render('vigil.title', 'firing', { count: 3 })).toBe(
      'CRITICAL APIHighErrorRate: 12% of requests fail <now> (of 3)',
    )
  })

  it('of a resolved alert: after how long, and the worst value', async () => {
    const shown = { annotations: { worst: '31% of requests fail' } }
    const times = 'resolved at 2026-11-25 01:12:03 UTC, fired at 2026-11-25 01:02:03 UTC'
    expect(await render('vigil.title', 'resolved', shown)).toBe('RESOLVED after 10 min: APIHighErrorRate')
    expect(await render('vigil.text', 'resolved', shown)).toBe(`✓ worst: 31% of requests fail\n${times}`)
    expect(await render('vigil.text', 'resolved', { ...shown, count: 2 })).toContain(
      '✓ APIHighErrorRate, worst: 31% of requests fail\n',
    )
    expect(await render('vigil.email.html', 'resolved', { ...shown, type: 'html' })).toContain(
      '<p>✓ worst: 31% of requests fail<br>',
    )
    expect(await render('vigil.text', 'firing', shown)).not.toContain('31%')
    expect(await render('vigil.sms', 'resolved', shown)).not.toContain('31%')
  })

  it('of a resolved alert without a worst value: what ended', async () => {
    expect(await render('vigil.text', 'resolved')).toMatch(/^✓ ended: 12% of requests fail <now>\n/)
  })

  it.each([
    ['2026-11-25T01:02:48Z', '45s'],
    ['2026-11-25T01:03:03Z', '1 min'],
    ['2026-11-25T01:14:20Z', '12 min'],
    ['2026-11-25T02:02:03Z', '1 h'],
    ['2026-11-25T02:07:03Z', '1 h 5 min'],
    ['2026-11-26T03:12:03Z', '26 h 10 min'],
  ])('resolved at %s: after %s', async (endsAt, duration) => {
    expect(await render('vigil.title', 'resolved', { endsAt })).toBe(
      `RESOLVED after ${duration}: APIHighErrorRate`,
    )
  })

  it('says nothing twice: the summary is in the title', async () => {
    const text = await render('vigil.text', 'firing')
    expect(text).toBe('Error rate is 12% over 5 minutes.\nsince 2026-11-25 01:02:03 UTC')
    expect((await render('vigil.email.text', 'firing')).match(/12% of requests/g)).toHaveLength(1)
  })

  it('says nothing twice to PagerDuty: in place of annotations, the labels of each instance', async () => {
    for (const { pagerduty_configs: pages } of config.receivers)
      for (const { details } of z
        .array(z.object({ details: z.record(z.string(), z.string()) }))
        .parse(pages ?? []))
        expect(details).toMatchObject({
          firing: '{{ template "vigil.labels" .Alerts.Firing }}',
          resolved: '{{ template "vigil.labels" .Alerts.Resolved }}',
        })
    expect(await renderText('{{ template "vigil.labels" .Alerts.Firing }}', 'firing', { count: 2 })).toMatch(
      /^(alertname=APIHighErrorRate requirement=C2 severity=critical signal=errors team=backend\n?){2}$/,
    )
    expect(await renderText('{{ template "vigil.labels" .Alerts.Resolved }}', 'firing')).toBe('')
  })

  it('names each alert of a group', async () => {
    expect(await render('vigil.text', 'firing', { count: 2 })).toContain(
      '• APIHighErrorRate: 12% of requests fail <now>\nError rate',
    )
  })

  it('fires for what fires, names what has just ended, and links and silences only the former', async () => {
    const shown = { ended: 'APIDown', count: 2 }
    expect(await render('vigil.title', 'firing', shown)).toBe(
      'CRITICAL APIHighErrorRate (APIDown resolved): 12% of requests fail <now> (of 2)',
    )
    expect(await render('vigil.runbook', 'firing', shown)).toContain('#apihigherrorrate')
    for (const template of ['vigil.dashboard', 'vigil.query', 'vigil.email.html', 'vigil.silence'])
      expect(await render(template, 'firing', { ...shown, type: 'html' })).not.toContain('wrong')
    expect(decodeURIComponent(await render('vigil.silence', 'firing', shown))).toContain(
      '{alertname="APIHighErrorRate",requirement',
    )
    expect(await render('vigil.title', 'resolved', { ended: 'APIDown' })).toBe(
      'RESOLVED: APIDown after 10 min, APIHighErrorRate after 10 min',
    )
  })

  it.each([
    ['2026-11-25T01:10:34Z', 'APIDown after 9 min, APIHighErrorRate after 10 min'],
    ['2026-11-25T01:10:32Z', 'APIHighErrorRate after 10 min'],
    ['2026-11-25T01:13:34Z', 'APIDown after 12 min'],
  ])('of a group names what has just ended: one that ended at %s', async (endedAt, names) => {
    expect(await render('vigil.title', 'resolved', { ended: 'APIDown', endedAt })).toBe(`RESOLVED: ${names}`)
  })

  it.each([
    ['a path', '/var/lib/post gres'],
    ['a quote and a backslash', 'say "no" \\ now'],
    ['signs of URLs', '50%&a=b#c+d?e'],
  ])('opens a filled form for a silence: %s', async (_, mountpoint) => {
    const link = await render('vigil.silence', 'firing', { labels: { mountpoint } })
    const html = await render('vigil.email.html', 'firing', { labels: { mountpoint }, type: 'html' })
    const [, mailed = ''] = /href="([^"]*silences[^"]*)"/.exec(html) ?? []
    for (const one of [link, mailed.replaceAll('&amp;', '&')]) {
      const [address, query = ''] = one.split('?')
      expect(address).toBe('https://alertmanager.example.com/#/silences/new')
      expect(decodeURIComponent(query.replace('filter=', ''))).toBe(
        '{alertname="APIHighErrorRate",' +
          `mountpoint="${mountpoint.replaceAll(/["\\]/g, String.raw`\$&`)}",` +
          'requirement="C2",severity="critical",signal="errors",team="backend"}',
      )
    }
  })

  it('in an SMS, with the next step', async () => {
    expect(await render('vigil.sms', 'firing')).toBe(
      'CRITICAL APIHighErrorRate: 12% of requests fail <now> ' +
        'https://vigil.example.com/docs/runbooks/errors.md#apihigherrorrate',
    )
    expect(await render('vigil.sms', 'resolved')).not.toContain('https://')
    // A second alert joins the first: otherwise the same text would come again.
    const joined = await render('vigil.sms', 'firing', { labels: { alertname: 'APISlow' }, also: 'APIDown' })
    expect(joined).toMatch(/^CRITICAL APIDown, APISlow: 12% of requests fail <now> https:/)
  })

  it('in a mail, where what an alert says is text and no HTML', async () => {
    const html = await render('vigil.email.html', 'firing', { type: 'html' })
    expect(html).toContain('12% of requests fail &lt;now&gt;')
    expect(html).toContain(
      '<a href="https://vigil.example.com/docs/runbooks/errors.md#apihigherrorrate">What to do</a>',
    )
    expect(await render('vigil.email.text', 'firing')).toContain(
      'Runbook: https://vigil.example.com/docs/runbooks/errors.md#apihigherrorrate',
    )
    expect(await render('vigil.slack.color', 'firing')).toBe('danger')
  })

  it('fits one SMS, for every alert that is sent by one, with the longest labels', async () => {
    const rules = new Map(alerts.map((rule) => [rule.alert, rule]))
    const sent = alertCases.filter(
      ({ alert: name, never }) => never !== true && waysOf[receiverOf[name] ?? 'email'].includes('sns'),
    )
    const long = ['', ' (DatabaseConnectionFailures)', ' ü ' + 'a-long-name-of-a-host.'.repeat(10)]
    const texts = await Promise.all(
      sent.flatMap((row) =>
        long.map(async (more) =>
          render('vigil.sms', 'firing', {
            labels: { ...rules.get(row.alert)?.labels, alertname: row.alert },
            annotations: {
              summary: row.summary + more,
              runbook_url: rules.get(row.alert)?.annotations['runbook_url'] ?? '',
            },
          }),
        ),
      ),
    )
    expect(texts.filter((one) => one.length > 160 || /[^\x20-\x7e]/.test(one))).toEqual([])
    // The step that comes next is never cut.
    expect(texts.filter((one) => !/ https:\S+\.md#[a-z]+$/.test(one))).toEqual([])
    expect(texts.length).toBeGreaterThan(24)
  })

  it('has all four links, in Slack and in PagerDuty', () => {
    const texts = ['What to do', 'Dashboard', 'Query', 'Silence']
    const one = z.looseObject({ text: z.string() })
    for (const receiver of config.receivers)
      for (const [kind, key] of [
        ['slack_configs', 'actions'],
        ['pagerduty_configs', 'links'],
      ] as const)
        for (const each of z.array(z.looseObject({})).parse(receiver[kind] ?? []))
          expect(
            z
              .array(one)
              .parse(each[key])
              .map(({ text: label }) => label),
          ).toEqual(texts)
  })
})

describe('the texts of the rules', () => {
  const rows = alertCases.filter(({ never }) => never !== true)
  const quietOnes = new Set(['Watchdog', 'CausePending'])

  it.each(rows)('$alert: $summary', ({ alert: name, summary, description }) => {
    // The title has the summary, so the description says what it does not.
    const values: string[] = summary.match(/\d+(?:\.\d+)?%?/g) ?? []
    expect(values.filter((value) => value.length > 3 && description.includes(value))).toEqual([])
    expect(`${summary} ${description}`).not.toMatch(/\d\.\d{2,}(?:s\b|m?s\b|%)|\d\.\d{3,}/)
    if (!quietOnes.has(name)) expect(description).toMatch(/First: \w|No action is needed/)
    expect(summary).not.toMatch(/\b(?:is|are|has|fails?|was)\b/)
  })

  it('name the limit of the rule', () => {
    const wrong = alerts.filter(({ expr, annotations }) => {
      const [, number, unit] = /\(limit ([\d.]+)(%?)/.exec(annotations['summary'] ?? '') ?? []
      if (number === undefined) return false
      const limit = unit === '%' ? Number(number) / 100 : Number(number)
      const numbers = [...expr.matchAll(/[<>]=? ([\d.]+)/g)].map((match) => Number(match[1]))
      // A rate limit names what a user may send; the rule allows for the windows.
      return !numbers.includes(limit) && !expr.includes(`limit="${number}"`)
    })
    expect(wrong.map(({ alert: name }) => name)).toEqual([])
  })
})
