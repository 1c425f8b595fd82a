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

  it('routes every alert to whom it is for', { timeout: 60_000 }, async () => {
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
  const render = async (
    template: string,
    status: 'firing' | 'resolved',
    count = 1,
    type = 'text',
  ): Promise<string> => {
    const one = alert(status)
    const data = join(scratch, `${status}-${count}.json`)
    writeFileSync(
      data,
      JSON.stringify({
        Receiver: 'critical',
        Status: status,
        Alerts: Array.from({ length: count }, () => one),
        GroupLabels: { alertname: 'APIHighErrorRate' },
        CommonLabels: one.Labels,
        CommonAnnotations: one.Annotations,
        ExternalURL: 'https://alertmanager.example.com',
      }),
    )
    const run = await runTool(amtool, [
      'template',
      'render',
      `--template.glob=${templates}`,
      `--template.text={{ template "${template}" . }}`,
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
    expect(await render('vigil.title', 'firing', 3)).toBe(
      'CRITICAL APIHighErrorRate: 12% of requests fail <now> (of 3)',
    )
  })

  it('of a resolved alert', async () => {
    expect(await render('vigil.title', 'resolved')).toBe(
      'RESOLVED APIHighErrorRate: 12% of requests fail <now>',
    )
    expect(await render('vigil.text', 'resolved')).toContain(
      'resolved at 2026-11-25 01:12:03 UTC, fired at 2026-11-25 01:02:03 UTC',
    )
  })

  it('in an SMS, with the next step', async () => {
    expect(await render('vigil.sms', 'firing')).toBe(
      'CRITICAL APIHighErrorRate: 12% of requests fail <now> ' +
        'https://vigil.example.com/docs/runbooks/errors.md#apihigherrorrate',
    )
    expect(await render('vigil.sms', 'resolved')).not.toContain('https://')
  })

  it('in a mail, where what an alert says is text and no HTML', async () => {
    const html = await render('vigil.email.html', 'firing', 1, 'html')
    expect(html).toContain('12% of requests fail &lt;now&gt;')
    expect(html).toContain(
      '<a href="https://vigil.example.com/docs/runbooks/errors.md#apihigherrorrate">What to do</a>',
    )
    expect(await render('vigil.email.text', 'firing')).toContain(
      'Runbook: https://vigil.example.com/docs/runbooks/errors.md#apihigherrorrate',
    )
    expect(await render('vigil.slack.color', 'firing')).toBe('danger')
  })

  it('fits two SMS, for every alert that is sent by one', () => {
    const rules = new Map(alerts.map((rule) => [rule.alert, rule]))
    const sent = alertCases.filter(({ alert: name }) => waysOf[receiverOf[name] ?? 'email'].includes('sns'))
    const texts = sent.map(
      (row) =>
        `${rules.get(row.alert)?.labels['severity']} ${row.alert}: ${row.summary} ` +
        `${rules.get(row.alert)?.annotations['runbook_url']}`,
    )
    expect(texts.filter((one) => one.length > 306 || /[^\x20-\x7e]/.test(one))).toEqual([])
    expect(texts.length).toBeGreaterThan(8)
  })
})
