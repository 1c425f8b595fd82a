import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { csrf } from 'hono/csrf'
import { HTTPException } from 'hono/http-exception'
import { element, html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import { queryDashboard } from '../../grafana/static/data.ts'
import { renderDashboard } from '../../grafana/static/page.ts'
import { readDashboardFile } from '../../grafana/query/read.ts'
import type { DashboardJson } from '../../grafana/query/read.ts'
import type { Delivery } from '../../receivers/index.ts'
import { readTargets } from '../parts.ts'
import { sortParts } from '../plan.ts'
import type { PartState } from '../plan.ts'
import {
  contentSecurityPolicy,
  durationText,
  renderLink,
  renderPage,
  renderTable,
  readDocument,
} from './layout.ts'
import type { Layout } from './layout.ts'
import { readAlerts, readHandledAlerts, readSilences, reasonOf } from './alerts.ts'
import type { Answer } from './alerts.ts'
import { renderMessage, toIncidents } from './messages.ts'
import { refreshSeconds, renderIncidents, renderOverview, findPages } from './overview.ts'
import { queryView, renderQuery, createSilence, renderSilenceForm } from './query.ts'

export interface PagePlan {
  /** The folder above `docs/` and `monitoring/`: their documents are shown. */
  root: string
  /** The folder of the dashboards' files. */
  dashboards: string
  alertNames: readonly string[]
  /** Origins in links of rules and dashboards (`https://grafana.example.com`): here they are this page. */
  origins: readonly string[]
  /** The interval of scrapes, in seconds. */
  scrapeSeconds: number
  /** Wall clock. */
  now: () => number
  parts: () => readonly PartState[]
  received: () => readonly Delivery[]
}

/** The server of the page, not listening yet. */
export function createPageServer(plan: PagePlan): Server {
  const listener = getRequestListener(createPage(plan).fetch)
  return createServer((request, response) => void listener(request, response))
}

/** All pages of a running stack, without scripts. */
export function createPage(plan: PagePlan): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    // Otherwise a foreign page could read this one by a name of its own that resolves to this machine.
    if (!isLoopback(context.req.header('host'))) return context.text('expected a loopback address\n', 421)
    await next()
    context.header('content-security-policy', contentSecurityPolicy)
    context.header('x-content-type-options', 'nosniff')
    context.header('cache-control', 'no-store')
    return undefined
  })
  app.use(bodyLimit({ maxSize: 64 * 1024 }))
  // A form of a foreign page must not silence an alert.
  app.use('/silences/*', csrf())
  // Alertmanager's own webhooks, such as a dead man's switch, only need an answer.
  app.post('/webhook', (context) => context.body(null, 200))
  app.get('/notifications', (context) => context.json(plan.received()))
  app.get('/', async (context) => respond(context, await overview(plan)))
  addIncidents(app, plan)
  addDashboards(app, plan)
  addQueries(app, plan)
  addDocuments(app, plan)
  app.onError((error, context) =>
    error instanceof HTTPException
      ? error.getResponse()
      : respond(context, [{ title: 'Error' }, [html`<h1>Error</h1><p>${text(reasonOf(error))}</p>`]], 500),
  )
  return app
}

type Page = readonly [layout: Layout, body: readonly Markup[]]

function respond(
  context: Context,
  [layout, body]: Page,
  status: 200 | 400 | 404 | 500 | 502 = 200,
): Response {
  return context.html(renderPage(layout, body), status)
}

function isLoopback(host: string | undefined): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host ?? '')
}

function urlOf({ parts }: PagePlan, name: string): string {
  return parts().find((part) => part.name === name)?.url ?? ''
}

async function overview(plan: PagePlan): Promise<Page> {
  const [prometheus, alertmanager] = [urlOf(plan, 'prometheus'), urlOf(plan, 'alertmanager')]
  const parts = sortParts(plan.parts())
  const [alerts, handled, silences, targets, pages] = await Promise.all([
    readAlerts(prometheus),
    readHandledAlerts(alertmanager),
    readSilences(alertmanager),
    readTargets(prometheus, AbortSignal.timeout(5000)),
    Promise.all(
      parts
        .filter(({ ended }) => ended === undefined)
        .map(async (part) => [part.name, await findPages(part)] as const),
    ),
  ])
  const incidents = toIncidents(plan.received(), plan.alertNames)
  const known: Answer<NonNullable<typeof targets>> =
    targets === undefined
      ? { state: 'unavailable', reason: `${prometheus}/api/v1/targets does not answer` }
      : { state: 'ok', value: targets }
  return [
    { title: 'Overview', refreshSeconds },
    renderOverview({
      parts,
      pages: Object.fromEntries(pages),
      targets: known,
      alerts,
      handling: { handled, silences },
      incidents,
      nowMs: plan.now(),
    }),
  ]
}

function addIncidents(app: Hono, plan: PagePlan): void {
  const incidents = () => toIncidents(plan.received(), plan.alertNames)
  app.get('/incidents', (context) =>
    respond(context, [
      { title: 'Notifications', refreshSeconds },
      [html`<h1>Notifications by incident</h1>`, renderIncidents(incidents(), 200)],
    ]),
  )
  app.get('/incidents/:id', (context) => {
    const incident = incidents().find(({ id }) => id === context.req.param('id'))
    if (incident === undefined) return context.notFound()
    const { name, deliveries } = incident
    const lastedMs = (deliveries.at(-1)?.atMs ?? 0) - (deliveries[0]?.atMs ?? 0)
    const count = deliveries.length === 1 ? '1 message' : `${deliveries.length} messages`
    const facts = `${count} within ${durationText(lastedMs)}, oldest first`
    return respond(context, [
      { title: name },
      [html`<h1>${text(name)}</h1><p class="quiet">${text(facts)}</p>`, ...deliveries.map(renderMessage)],
    ])
  })
}

const ranges = [5, 15, 60, 360, 1440]

function addDashboards(app: Hono, plan: PagePlan): void {
  app.get('/dashboards', (context) => {
    const rows = dashboardsOf(plan).map((found) =>
      found.state === 'ok'
        ? [
            renderLink(`/d/${found.dashboard.uid}`, found.dashboard.title),
            html`${text(found.dashboard.description)}`,
          ]
        : [html`${text(found.file)}`, html`cannot be drawn: ${text(found.reason)}`],
    )
    const none = html`<p class="quiet">${text(`No dashboards in ${plan.dashboards}.`)}</p>`
    const table = rows.length === 0 ? none : renderTable(['dashboard', 'answers'], rows)
    return respond(context, [{ title: 'Dashboards' }, [html`<h1>Dashboards</h1>`, table]])
  })
  // Grafana's own links have the title as one more segment.
  app.get('/d/:uid/:title?', async (context) => {
    const found = dashboardsOf(plan).find(
      (one) => one.state === 'ok' && one.dashboard.uid === context.req.param('uid'),
    )
    if (found?.state !== 'ok') return context.notFound()
    const asked = Number(context.req.query('minutes'))
    return respond(context, await drawDashboard(plan, found.dashboard, ranges.includes(asked) ? asked : 15))
  })
}

async function drawDashboard(plan: PagePlan, dashboard: DashboardJson, minutes: number): Promise<Page> {
  const data = await queryDashboard(dashboard, queryView(plan, urlOf(plan, 'prometheus'), minutes))
  const choices = ranges.map((range) => {
    const name = range < 60 ? `${range} min` : `${range / 60} h`
    return range === minutes
      ? html`<b>${text(name)}</b> `
      : html`${renderLink(`/d/${dashboard.uid}?minutes=${range}`, name)} `
  })
  return [
    { title: dashboard.title, refreshSeconds: 30, width: 'wide' },
    [html`<p>Last ${choices}</p>`, renderDashboard(data, (url) => localize(url, plan.origins))],
  ]
}

function localize(url: string, origins: readonly string[]): string {
  const origin = origins.find((one) => url.startsWith(`${one}/`))
  return origin === undefined ? url : url.slice(origin.length)
}

type FoundDashboard =
  | { state: 'ok'; dashboard: DashboardJson }
  | { state: 'invalid'; file: string; reason: string }

function dashboardsOf({ dashboards }: PagePlan): FoundDashboard[] {
  return globSync('*.json', { cwd: dashboards })
    .toSorted()
    .map((file) => {
      try {
        return { state: 'ok', dashboard: readDashboardFile(join(dashboards, file)) }
      } catch (error) {
        return { state: 'invalid', file: basename(file), reason: reasonOf(error) }
      }
    })
}

function addQueries(app: Hono, plan: PagePlan): void {
  app.get('/graph', async (context) => {
    const expression = context.req.query('g0.expr') ?? ''
    const body = await renderQuery(plan, urlOf(plan, 'prometheus'), expression)
    return respond(context, [{ title: 'Query' }, body])
  })
  app.get('/silences/new', (context) =>
    respond(context, [{ title: 'Silence' }, renderSilenceForm(context.req.query('filter') ?? '')]),
  )
  app.post('/silences/new', async (context) => {
    const form = new URLSearchParams(await context.req.text())
    const result = await createSilence(urlOf(plan, 'alertmanager'), form, plan.now())
    if (result.state === 'ok') return context.redirect('/', 303)
    const reason = html`<p class="over">${text(result.reason)}</p>`
    const body = [reason, ...renderSilenceForm(form.get('filter') ?? '')]
    return respond(context, [{ title: 'Silence' }, body], 400)
  })
}

function addDocuments(app: Hono, plan: PagePlan): void {
  app.notFound(async (context) => {
    const path = decodePath(context.req.path)
    const found = await readDocument(plan.root, path)
    if (found.state === 'missing') {
      const body = [html`<h1>Not found</h1>`, element('p', {}, text(`/${path} is no page of this stack.`))]
      return respond(context, [{ title: 'Not found' }, body], 404)
    }
    if (found.kind === 'markup')
      return respond(context, [
        { title: found.title },
        [html`<article class="document">${found.body}</article>`],
      ])
    return found.kind === 'text'
      ? context.text(found.content, 200)
      : context.body(found.content, 200, { 'content-type': 'image/png' })
  })
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path).slice(1)
  } catch {
    return ''
  }
}
