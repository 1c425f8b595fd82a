import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { readRules } from '../prometheus/rules.ts'
import { startPager } from './testing/night.ts'
import type { Pager } from './testing/night.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vigil-inhibitions-'))
let pager: Pager
beforeAll(async () => {
  pager = await startPager(scratch, 1)
})
afterAll(async () => {
  await pager.stop()
  rmSync(scratch, { recursive: true, force: true })
})

type Labels = Record<string, string>

const rules = new Map(readRules().alerts.map(({ alert, labels }) => [alert, labels]))

/** An alert with the labels of its rule. */
function alertOf(alertname: string, more: Labels = {}): Labels {
  const labels = rules.get(alertname)
  if (labels === undefined) throw new Error(`${alertname} is no alert`)
  return { alertname, ...labels, ...more }
}

const pending = (cause: string): Labels => alertOf('CausePending', { cause })
const unresolved = (alert: string): Labels => alertOf('CriticalAlertPersists', { unresolved: alert })

async function post(alerts: readonly Labels[], endsAtMs: number): Promise<void> {
  const endsAt = new Date(endsAtMs).toISOString()
  const startsAt = new Date(Date.now() - 60_000).toISOString()
  const response = await fetch(`${pager.url()}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts.map((labels) => ({ labels, startsAt, endsAt }))),
  })
  expect(response.status).toBe(200)
}

const answer = z.array(
  z.object({
    labels: z.record(z.string(), z.string()),
    status: z.object({ inhibitedBy: z.array(z.string()) }),
  }),
)

async function isInhibitedNow({ alertname }: Labels): Promise<boolean> {
  const response = await fetch(`${pager.url()}/api/v2/alerts`)
  const found = answer.parse(await response.json()).filter(({ labels }) => labels['alertname'] === alertname)
  return found.some(({ status }) => status.inhibitedBy.length > 0)
}

/** Posts alerts, and returns whether the last one is inhibited. Alertmanager compares them a moment later. */
async function isInhibited(withinMs: number, ...alerts: readonly Labels[]): Promise<boolean> {
  const target = alerts.at(-1) ?? {}
  await post(alerts, Date.now() + 3_600_000)
  const deadline = performance.now() + withinMs
  let inhibited = await isInhibitedNow(target)
  while (!inhibited && performance.now() < deadline) {
    await sleep(20)
    inhibited = await isInhibitedNow(target)
  }
  await post(alerts, Date.now() - 1)
  return inhibited
}

const backend = { job: 'todo-backend', instance: 'backend:8000' }
/** The critical alerts of the service: Alertmanager sends them as one group. */
const critical = [...rules].flatMap(([name, { severity, service }]) =>
  severity === 'critical' && service !== undefined ? [name] : [],
)
const databases = ['DatabaseUnreachable', 'DatabaseConnectionFailures'] as const

describe('an alert waits', () => {
  const rows: [Labels, Labels][] = [
    [alertOf('APIHighResponseTime'), alertOf('APIVerySlow')],
    [alertOf('APIVerySlow'), alertOf('APISlow')],
    [alertOf('AuthenticationFailuresHigh'), alertOf('FailedLoginsUnusual')],
    [
      alertOf('MemoryNearlyExhausted', { of: 'node', instance: 'a' }),
      alertOf('MemoryHigh', { of: 'node', instance: 'a' }),
    ],
    [alertOf('RateLimitAbuse', { policy: 'user' }), alertOf('RateLimitHits', { policy: 'user' })],
    ...databases.flatMap((name): [Labels, Labels][] => [
      [alertOf(name), alertOf('AuthenticationServiceDown')],
      [alertOf(name), alertOf('ProbeDown')],
      [pending(name), alertOf('AuthenticationServiceDown')],
      [pending(name), alertOf('DatabaseQueriesSlow')],
      [pending(name), alertOf('APIUnavailable')],
      [pending(name), alertOf('APIHighResponseTime')],
      [pending(name), alertOf('MetricsMissing', { job: 'postgres-exporter' })],
      [pending(name), unresolved('APIUnavailable')],
    ]),
    [alertOf('APIUnreachable'), alertOf('RateLimitBypassed')],
    [alertOf('APIUnreachable'), alertOf('TargetDown', backend)],
    [alertOf('ProbesSilent'), alertOf('ProbeOverdue')],
    [pending('critical errors'), alertOf('APIErrorRateElevated')],
    [pending('high errors'), alertOf('APIErrorBudgetBurning')],
    [pending('critical latency'), alertOf('APIVerySlow')],
    [pending('high latency'), alertOf('APISlow')],
    [pending('AuthenticationFailuresHigh'), alertOf('FailedLoginsUnusual')],
    [pending('APIUnavailable'), alertOf('APIHighErrorRate')],
    [pending('DatabaseUnreachable'), alertOf('DatabaseConnectionFailures')],
    [pending('DatabaseQueriesSlow'), alertOf('APIVerySlow')],
    [pending('AuthenticationServiceDown'), alertOf('ProbeDown')],
    [pending('AuthenticationServiceDown'), alertOf('APIUnavailable')],
    [pending('APIUnreachable'), alertOf('AuthenticationServiceDown')],
    [pending('APIUnreachable'), alertOf('APIHighErrorRate')],
    [pending('APIUnreachable'), alertOf('MetricsMissing', backend)],
    [pending('DatabaseUnreachable'), unresolved('DatabaseConnectionFailures')],
    [pending('APIUnavailable'), unresolved('APIHighErrorRate')],
    [pending('AuthenticationServiceDown'), unresolved('APIUnavailable')],
    ...critical.map((name): [Labels, Labels] => [pending(`ended ${name}`), alertOf(name)]),
    [alertOf('MaintenanceWindow'), alertOf('APIUnavailable')],
    [alertOf('MaintenanceWindow'), alertOf('DiskSpaceLow')],
  ]
  const nameOf = ({ alertname, cause, unresolved: of }: Labels): string =>
    [alertname, cause, of].filter((part) => part !== undefined).join(' ')
  it.each(rows.map((row) => [nameOf(row[0]), nameOf(row[1]), ...row] as const))(
    '%s: %s',
    async (_, _name, source, target) => {
      expect(await isInhibited(0, target)).toBe(false)
      expect(await isInhibited(60_000, source, target)).toBe(true)
    },
  )

  it.each<[string, Labels, Labels]>([
    [
      'another machine',
      alertOf('MemoryNearlyExhausted', { instance: 'a' }),
      alertOf('MemoryHigh', { instance: 'b' }),
    ],
    ['another limit', alertOf('RateLimitAbuse', { policy: 'a' }), alertOf('RateLimitHits', { policy: 'b' })],
    ['an attack in a maintenance window', alertOf('MaintenanceWindow'), alertOf('RateLimitBypassed')],
    ['another fault', pending('DatabaseUnreachable'), alertOf('DiskSpaceLow')],
    ['another alert than the one that ended', pending('ended APIUnavailable'), alertOf('APIHighErrorRate')],
    ['the cause itself', pending('DatabaseUnreachable'), alertOf('DatabaseUnreachable')],
    ['its escalation', pending('DatabaseUnreachable'), unresolved('DatabaseUnreachable')],
    ['another target', pending('APIUnreachable'), alertOf('TargetDown', { job: 'node-exporter' })],
    ['a critical symptom of a slow query', pending('DatabaseQueriesSlow'), alertOf('APIHighResponseTime')],
  ])('not: %s', async (_, source, target) => expect(await isInhibited(200, source, target)).toBe(false))
})

describe('a planned maintenance window', () => {
  it('mutes every route of the service, and none of attacks, notices and the watchdog', () => {
    interface Route {
      matchers: string[]
      mute_time_intervals?: string[]
      routes?: Route[]
    }
    const text = readFileSync(new URL('alertmanager.yml', import.meta.url), 'utf8')
    const { route } = parse(text, { merge: true }) as { route: { routes: Route[] } }
    const all = (routes: readonly Route[]): Route[] =>
      routes.flatMap((one) => [one, ...all(one.routes ?? [])])
    const top = route.routes.filter((one) => one.mute_time_intervals?.includes('maintenance') === true)
    expect(top.map(({ matchers }) => matchers[0])).toEqual([
      'escalation="secondary"',
      'escalation="management"',
      'severity="critical"',
      'severity="high"',
      'severity="medium"',
    ])
    expect(all(route.routes).filter((one) => one.mute_time_intervals !== undefined)).toHaveLength(5)
  })
})
