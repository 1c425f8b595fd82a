import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../runtime/testing/temporary-folder.ts'
import { startHttpService } from '../../receivers/index.ts'
import type { Delivery, HttpService } from '../../receivers/index.ts'
import { renderDocument } from './layout.ts'
import { isResolved, renderMessage, toIncidents } from './messages.ts'
import { createPage } from './server.ts'
import type { PagePlan } from './server.ts'
import { parseMatchers } from './query.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = temporaryFolder('stack-page')
const nowMs = Date.UTC(2026, 10, 29, 10, 0, 0)

function delivery(more: Partial<Delivery>): Delivery {
  const response = { state: 'ok' } as const
  return { via: 'sms', address: 'a', atMs: 0, status: 'firing', title: '', text: '', response, ...more }
}

const firing = {
  state: 'firing',
  labels: { alertname: 'APISlow', severity: 'medium' },
  annotations: { summary: '<b>slow</b>', runbook_url: 'http://here/docs/runbooks/latency.md#apislow' },
  activeAt: '2026-11-29T09:48:00Z',
}
const bodies: Record<string, unknown> = {
  '/api/v1/alerts': {
    data: {
      alerts: [
        {
          ...firing,
          state: 'pending',
          labels: { alertname: 'DiskSpaceLow' },
          activeAt: '2026-11-29T09:00:00Z',
        },
        firing,
        { ...firing, labels: { alertname: 'Watchdog' } },
        { ...firing, labels: { alertname: 'CausePending' } },
      ],
    },
  },
  '/api/v1/targets?state=active': {
    data: {
      activeTargets: [
        {
          labels: { job: 'todo-backend' },
          scrapeUrl: 'http://127.0.0.1:8000/metrics',
          health: 'up',
          lastError: '',
        },
      ],
    },
  },
  '/api/v2/alerts': [
    {
      fingerprint: 'c1',
      labels: { alertname: 'CausePending', cause: 'DatabaseUnreachable', severity: 'low' },
      status: { state: 'active', inhibitedBy: [], silencedBy: [] },
    },
    {
      fingerprint: 'a1',
      labels: { alertname: 'ProbeDown', probe: 'ready', cluster: 'external' },
      status: { state: 'suppressed', inhibitedBy: ['c1', 'gone'], silencedBy: [] },
    },
    {
      fingerprint: 'a2',
      labels: { alertname: 'ProbeDown', probe: 'docs' },
      status: { state: 'suppressed', inhibitedBy: [], silencedBy: ['s1'] },
    },
  ],
  '/api/v2/silences': [
    {
      id: 's1',
      status: { state: 'active' },
      comment: 'known <fault>',
      createdBy: 'Ada',
      endsAt: '2026-11-29T12:00:00Z',
      matchers: [{ name: 'probe', value: 'docs' }],
    },
  ],
  '/': {},
}
const posted: string[] = []
let service: HttpService

beforeAll(async () => {
  service = await startHttpService(({ method, path, body }) => {
    if (method === 'POST' && path === '/api/v2/silences') posted.push(body)
    const found = bodies[path]
    return found === undefined
      ? { status: 500, type: 'text/plain', body: 'template.html: no such file' }
      : { status: 200, type: 'application/json', body: JSON.stringify(found) }
  })
  mkdirSync(join(folder, 'dashboards'))
  writeFileSync(join(folder, 'dashboards', 'other.json'), '{"title":"<i>"}')
})
afterAll(async () => service.stop())

function page(more: Partial<PagePlan> = {}): ReturnType<typeof createPage> {
  const parts = ['prometheus', 'alertmanager', 'pushgateway'].map((name) => ({ name, url: service.url }))
  return createPage({
    root,
    dashboards: join(root, 'monitoring/grafana/dashboards'),
    alertNames: ['APISlow'],
    origins: [],
    scrapeSeconds: 15,
    now: () => nowMs,
    parts: () => parts,
    received: () => [],
    ...more,
  })
}
const host = { host: '127.0.0.1:9095' }
async function read(path: string, more: Partial<PagePlan> = {}): Promise<[number, string]> {
  const response = await page(more).request(path, { headers: host })
  return [response.status, await response.text()]
}

describe('the overview', () => {
  it('says what fires and what is pending, since when, and opens the runbook', async () => {
    const [status, body] = await read('/')
    expect(status).toBe(200)
    expect(body).toMatch(/FIRING<\/span> APISlow<\/h1>/)
    expect(body.indexOf('<b>APISlow</b>')).toBeLessThan(body.indexOf('<b>Disk<wbr>Space<wbr>Low</b>'))
    expect(body).toMatch(/09:48:00<\/span><br><span class="quiet whole">12 min</)
    expect(body).toContain('href="http://here/docs/runbooks/latency.md#apislow"')
    expect(body).toContain('&lt;b&gt;slow&lt;/b&gt;')
    expect(body).not.toMatch(/Watchdog|CausePending/)
    expect(body).toContain('http-equiv="refresh"')
  })

  describe('of an alert that Alertmanager holds back', () => {
    const alertmanagerUrl = (): PagePlan['parts'] => {
      const parts = ['prometheus', 'alertmanager'].map((name) => ({ name, url: service.url }))
      return () => parts
    }
    const withAlerts = async (labels: readonly Record<string, string>[], run: () => Promise<void>) => {
      const before = bodies['/api/v1/alerts']
      bodies['/api/v1/alerts'] = { data: { alerts: labels.map((one) => ({ ...firing, labels: one })) } }
      await run()
      bodies['/api/v1/alerts'] = before
    }
    const ready = { alertname: 'ProbeDown', probe: 'ready' }
    const docs = { alertname: 'ProbeDown', probe: 'docs' }

    it('names what inhibits it, and who silenced it, until when and why', async () => {
      await withAlerts([ready, docs, { alertname: 'APISlow' }], async () => {
        const [, body] = await read('/', { parts: alertmanagerUrl() })
        expect(body).toMatch(/FIRING<\/span> APISlow <span class="quiet small">and 2 held back</)
        expect(body).toContain(
          '>inhibited</span><br><span class="quiet small">by DatabaseUnreachable, an alert that ended<',
        )
        expect(body).toContain(
          '>silenced</span><br><span class="quiet small">by Ada until 12:00:00 UTC: known &lt;fault&gt;<',
        )
        expect(body.match(/>(inhibited|silenced)<\/span>/g)).toHaveLength(2)
      })
    })

    it('does not say that it fires when nothing else does', async () => {
      await withAlerts([ready, docs], async () => {
        expect((await read('/', { parts: alertmanagerUrl() }))[1]).toMatch(
          /HELD BACK<\/span> ProbeDown<\/h1>/,
        )
      })
    })

    it('says that it is unknown when Alertmanager does not answer', async () => {
      await withAlerts([ready], async () => {
        const parts = [
          { name: 'prometheus', url: service.url },
          { name: 'alertmanager', url: 'http://127.0.0.1:1' },
        ]
        const [, body] = await read('/', { parts: () => parts })
        expect(body).toMatch(/FIRING<\/span> ProbeDown<\/h1>/)
        expect(body).toMatch(/UNKNOWN<\/span> which alerts are held back:/)
      })
    })
  })

  it('links no page that a part does not serve', async () => {
    expect((await read('/'))[1]).not.toMatch(/classic|>\/alerts</)
  })

  it.each([
    ['no answer', { parts: () => [{ name: 'prometheus', url: 'http://127.0.0.1:1' }] }, 'UNKNOWN'],
    ['no parts', { parts: () => [] }, 'UNKNOWN'],
    ['an ended part', { parts: () => [{ name: 'backend', url: '', ended: 'exit 1' }] }, 'ENDED'],
  ])('with %s is not quiet', async (_, more, word) => {
    const [status, body] = await read('/', more)
    expect([status, body.includes(`>${word}<`), body.includes('QUIET')]).toEqual([200, true, false])
  })

  it('answers this machine only, and forbids scripts', async () => {
    expect((await page().request('/', { headers: { host: 'evil.example' } })).status).toBe(421)
    expect((await page().request('/', { headers: { host: '127.0.0.1.evil.example' } })).status).toBe(421)
    const response = await page().request('/', { headers: { host: 'localhost:9095' } })
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src/)
  })
})

describe('incidents', () => {
  const names = ['APISlow', 'APISlowest', 'TargetDown']
  const at = (title: string, status: Delivery['status'] = 'firing', text = ''): Delivery =>
    delivery({ title, status, text })

  it.each([
    ['one alert on two channels', [at('HIGH APISlow: a'), at('HIGH APISlow: b')], ['APISlow 2 open']],
    ['two alerts', [at('APISlow'), at('TargetDown')], ['TargetDown 1 open', 'APISlow 1 open']],
    ['an end', [at('APISlow'), at('RESOLVED APISlow', 'resolved')], ['APISlow 2 over']],
    [
      'both ends, then a new start',
      [at('APISlow'), at('APISlow', 'resolved'), at('APISlow', 'resolved'), at('APISlow')],
      ['APISlow 1 open', 'APISlow 3 over'],
    ],
    ['a name that is longer', [at('APISlowest')], ['APISlowest 1 open']],
    ['a name in the text only', [at('[FIRING:2]', 'firing', 'x TargetDown')], ['TargetDown 1 open']],
    ['an unknown name', [at('hello')], ['hello 1 open']],
  ])('of %s', (_, deliveries, expected) => {
    expect(
      toIncidents(deliveries, names).map(
        (one) => `${one.name} ${one.deliveries.length} ${isResolved(one) ? 'over' : 'open'}`,
      ),
    ).toEqual(expected)
  })

  it('have a page with each message, which stays the same while messages arrive', async () => {
    const received = [delivery({ title: 'APISlow: x', text: 'the text', atMs: nowMs })]
    const path = /\/incidents\/[\d-]+/.exec((await read('/incidents', { received: () => received }))[1])?.[0]
    received.push(delivery({ title: 'RESOLVED APISlow', status: 'resolved', atMs: nowMs + 720_000 }))
    const [status, body] = await read(path ?? '', { received: () => received })
    expect([status, body.match(/class="message"/g)?.length]).toEqual([200, 2])
    expect(body).toContain('2 messages within 12 min')
    expect((await read('/incidents/1-9'))[0]).toBe(404)
  })
})

describe('a message', () => {
  it('of Slack is a card with its buttons, and only http links are links', () => {
    const card = {
      color: 'danger',
      title: 'HIGH APISlow',
      title_link: 'https://a/b',
      text: '*bold* <https://c/d|query> <script>',
      actions: [
        { type: 'button', text: 'Runbook', url: 'https://e' },
        { type: 'button', text: 'bad', url: 'javascript:alert(1)' },
      ],
    }
    const shown = renderMessage(delivery({ via: 'slack', text: JSON.stringify({ attachments: [card] }) }))
    expect(shown).toContain('class="slack tone-fail"')
    expect(shown).toContain('<a href="https://a/b" rel="noreferrer">HIGH APISlow</a>')
    expect(shown).toContain('<b>bold</b>')
    expect(shown).toContain('<a href="https://c/d" rel="noreferrer">query</a>')
    expect(shown).not.toMatch(/href="javascript:|<script/)
    expect(shown).toMatch(/<summary>JSON<\/summary><pre>\{\n {2}&quot;attachments&quot;/)
  })

  it.each([
    ['a'.repeat(160), '160 of 160 characters<'],
    ['a'.repeat(161), '161 of 160 characters, sent as 2 parts'],
    ['ü'.repeat(71), '71 of 70 characters, sent as 2 parts'],
  ])('by SMS says how long it is: %s', (text, length) => {
    expect(renderMessage(delivery({ text }))).toContain(length)
  })

  it('of mail is in a frame without scripts, and its markup cannot leave the frame', () => {
    const text = 'subject\nplain\n<!doctype html><html>"><script>alert(1)</script></html>'
    const shown = renderMessage(delivery({ via: 'email', text }))
    expect(shown).toMatch(/<iframe sandbox="allow-popups" [^>]*srcdoc="&lt;base target=/)
    expect(shown).not.toMatch(/<script|allow-scripts/)
    expect(renderMessage(delivery({ via: 'email', text: 'plain <b>' }))).toContain(
      '<pre>plain &lt;b&gt;</pre>',
    )
  })

  it.each(['slack', 'pagerduty'] as const)('of %s that is not its JSON is text', (via) => {
    expect(renderMessage(delivery({ via, text: '[<i>' }))).toContain('<pre>[&lt;i&gt;</pre>')
  })

  it('that was refused says why', () => {
    const response = { state: 'invalid', status: 400, reason: 'no_text' } as const
    expect(renderMessage(delivery({ via: 'slack', response }))).toContain('refused: no_text (400)')
  })
})

describe('documents', () => {
  it('have anchors, links that work here, and queries that open the query page', () => {
    const shown = renderDocument(
      '# APISlow, now\n[a](../x.md#y) [b](javascript:alert(1)) ![p](pictures/a.png) <script>\n\n' +
        '```promql\nup == 0\nsum(a) # why\n```\n',
      'docs/runbooks/a.md',
    )
    expect(shown).toContain('<h1 id="apislow-now">')
    expect(shown).toContain('<a href="/docs/x.md#y">a</a>')
    expect(shown).toContain('<img src="/docs/runbooks/pictures/a.png"')
    expect(shown).toContain('href="/graph?g0.expr=up%20%3D%3D%200"')
    expect(shown).toContain('href="/graph?g0.expr=sum(a)"')
    expect(shown).not.toMatch(/javascript:|<script/)
  })

  it.each([
    ['/docs/runbooks/errors.md', 200, 'id="apihigherrorrate"'],
    ['/docs/onboarding.md', 200, '<h1'],
    ['/monitoring/prometheus/alert_rules.yml', 200, 'APIHighErrorRate'],
    ['/docs/pictures/todo-system.png', 200, 'PNG'],
    ['/docs/none.md', 404, 'no page of this stack'],
    ['/docs/..%2f..%2f..%2fetc/passwd', 404, 'no page'],
    ['/docs/%2e%2e/package.json', 404, 'no page'],
    ['/package.json', 404, 'no page'],
    ['/monitoring/.hidden/a.yml', 404, 'no page'],
    ['/%E0%A4', 404, 'no page'],
  ])('%s: %i', async (path, status, part) => {
    const [found, body] = await read(path)
    expect([found, body.includes(part)]).toEqual([status, true])
  })

  it('list the dashboards, and those that cannot be drawn', async () => {
    expect((await read('/dashboards'))[1]).toContain('href="/d/todo-database"')
    const [status, body] = await read('/dashboards', { dashboards: join(folder, 'dashboards') })
    expect([status, body.includes('other.json'), body.includes('cannot be drawn')]).toEqual([200, true, true])
    expect((await read('/dashboards', { dashboards: join(folder, 'none') }))[1]).toContain('No dashboards in')
    expect((await read('/d/other'))[0]).toBe(404)
  })
})

describe('a silence', () => {
  it.each([
    ['{alertname="X"}', ['alertname = X']],
    ['{a="x y", b=~"1|2" , c!="",d!~z}', ['a = x y', 'b =~ 1|2', 'c != ', 'd !~ z']],
    ['alertname=X', ['alertname = X']],
    ['{a="q\\"q"}', ['a = q"q']],
    ['', undefined],
    ['{}', undefined],
    ['{a="x" nonsense}', undefined],
  ])('reads %s', (filter, expected) => {
    const found = parseMatchers(filter)?.map(
      ({ name, value, isEqual, isRegex }) =>
        `${name} ${isEqual ? '=' : '!'}${isRegex ? '~' : isEqual ? '' : '='} ${value}`,
    )
    expect(found).toEqual(expected)
  })

  const send = async (form: Record<string, string>, headers: Record<string, string> = {}) =>
    page().request('/silences/new', {
      method: 'POST',
      headers: {
        ...host,
        origin: 'http://localhost',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body: new URLSearchParams(form),
    })
  const valid = { filter: '{alertname="APISlow"}', hours: '4', author: 'me', comment: 'known' }

  it('is filled in by the link of a notification, and sent to Alertmanager', async () => {
    const [, body] = await read(`/silences/new?filter=${encodeURIComponent(valid.filter)}`)
    expect(body).toContain('value="{alertname=&quot;APISlow&quot;}"')
    expect((await send(valid)).status).toBe(303)
    expect(JSON.parse(posted.at(-1) ?? '')).toEqual({
      matchers: [{ name: 'alertname', value: 'APISlow', isRegex: false, isEqual: true }],
      comment: 'known',
      createdBy: 'me',
      startsAt: '2026-11-29T10:00:00.000Z',
      endsAt: '2026-11-29T14:00:00.000Z',
    })
  })

  it.each([
    [{ hours: '24' }, 303],
    [{ hours: '24.1' }, 400],
    [{ hours: '0' }, 400],
    [{ comment: ' ' }, 400],
    [{ filter: '{alertname=""}' }, 400],
  ])('with %j: %i', async (more, status) => {
    expect((await send({ ...valid, ...more })).status).toBe(status)
  })

  it('is not accepted from another page', async () => {
    expect((await send(valid, { origin: 'http://evil.example' })).status).toBe(403)
  })
})
