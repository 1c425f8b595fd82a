import { setTimeout as sleep } from 'node:timers/promises'
import { parseExposition, serviceMetrics, sumOf } from '../../../runtime/target/index.ts'
import type { FaultRule } from '../environment/service-under-test.ts'
import { callApi } from '../observation/apis.ts'
import type { Destination } from '../observation/observation.ts'
import type { Drill, DrillContext, EndFault } from './drill.ts'

/*
 * The receivers of an alert by its severity, as the requirements P1 and P2 say: PagerDuty for critical and
 * high, Slack
 * for medium, email for low and reports, SMS for critical; primary DevOps, secondary Backend, then
 * engineering management.
 * Repeated here and not read from Alertmanager's configuration, because the drills test that configuration.
 */
const onCall: Destination = { via: 'pagerduty', address: 'pagerduty_on_call' }

export const critical: readonly Destination[] = [
  onCall,
  { via: 'sms', address: 'arn:aws:sns:eu-central-1:000000000000:todo-on-call' },
]
export const high: readonly Destination[] = [onCall]
export const medium: readonly Destination[] = [{ via: 'slack', address: 'slack_alerts' }]
export const mediumSecurity: readonly Destination[] = [{ via: 'slack', address: 'slack_security' }]
export const reports: readonly Destination[] = [{ via: 'email', address: 'todo-reports@example.com' }]
export const maintenance: readonly Destination[] = [...medium, ...reports]

const minuteMs = 60_000

/** A critical alert that fires for 15 minutes. */
export const secondary = {
  alert: 'CriticalAlertPersists',
  to: [{ via: 'pagerduty', address: 'pagerduty_backend' }],
  afterMs: 15 * minuteMs,
} as const
/** A critical alert that fires for 30 minutes. */
export const management = {
  alert: 'CriticalAlertUnresolved',
  to: [
    { via: 'pagerduty', address: 'pagerduty_management' },
    { via: 'sms', address: 'arn:aws:sns:eu-central-1:000000000000:todo-management' },
    { via: 'email', address: 'engineering-management@example.com' },
  ],
  afterMs: 30 * minuteMs,
} as const

/** A drill with the defaults that most have: no escalation, no other alerts. */
export function defineDrill(
  drill: Pick<Drill, 'requirement' | 'alert' | 'fault' | 'exclusive' | 'injectFault' | 'to'> & Partial<Drill>,
): Drill {
  const exclusive = [...drill.exclusive, ...(drill.to === critical ? (['critical'] as const) : [])]
  return { inhibits: [], mayAlsoFire: [], escalations: [], ...drill, exclusive }
}

export function injectRules(...rules: readonly FaultRule[]): Drill['injectFault'] {
  return async ({ environment }) => environment.faults.add(rules)
}

/** Delays 3 in 10 of the users' lists by this many milliseconds. */
export function slowDownLists(latencyMs: number): Drill['injectFault'] {
  return injectRules({ route: 'GET /tasks', latencyMs, ratio: 0.3 })
}

/** Active during all drills: one route fails, which only {@link failRequests} requests. */
export const permanentFaults: readonly FaultRule[] = [{ route: 'GET /imports/:id', status: 500 }]

/**
 * Causes this many failed requests a second, evenly. Random failures would raise a share of 7 % above 10 %
 * within the
 * two minutes that some rules use.
 */
export function failRequests(perSecond: number): Drill['injectFault'] {
  return actAtRate(perSecond, async ({ traffic }, count) =>
    traffic.send({ method: 'GET', path: '/imports/00000000-0000-7000-8000-000000000000', user: count }),
  )
}

/** Raises the service's memory to this share of its limit (512 MB). */
export function fillMemory(share: number): Drill['injectFault'] {
  return async ({ environment }) => {
    const used = await residentBytes(environment.urls)
    return environment.faults.add([{ memoryMb: Math.max(1, Math.round((share * 512e6 - used) / 2 ** 20)) }])
  }
}

/** Holds this many connections to PostgreSQL, as a program with a leak would. */
export function holdConnections(count: number): Drill['injectFault'] {
  return async ({ environment }) => {
    const { default: postgres } = await import('postgres')
    const sql = postgres(environment.database.service.databaseUrl, { max: count, onnotice: () => undefined })
    await Promise.all(Array.from({ length: count }, async () => sql.reserve()))
    return async () => sql.end({ timeout: 1 })
  }
}

/** Acts at a constant rate until the end of the fault. */
export function actAtRate(
  perSecond: number,
  act: (context: DrillContext, count: number) => Promise<unknown>,
): Drill['injectFault'] {
  return async (context): Promise<EndFault> =>
    context.traffic.actAtRate(perSecond, async (count) => act(context, count))
}

async function residentBytes({ service }: DrillContext['environment']['urls']): Promise<number> {
  const response = await fetch(`${service}/metrics`)
  return sumOf(parseExposition(await response.text()), serviceMetrics.residentBytes) ?? 0
}

const windowPath = '/metrics/job/maintenance/window/drill'

/**
 * Pushes an active maintenance window, then makes requests fail in it. The failures end first, then the
 * window.
 */
export async function openMaintenanceWindow(context: DrillContext): Promise<EndFault> {
  const { environment, compress, signal } = context
  const { pushgateway } = environment.urls
  const nowSeconds = Date.now() / 1000
  await pushGauges(pushgateway, windowPath, {
    maintenance_window_start_timestamp_seconds: nowSeconds - 1,
    maintenance_window_end_timestamp_seconds: nowSeconds + compress(10 * 60 * minuteMs) / 1000,
  })
  const endFailures = await failRequests(16)(context)
  return async () => {
    await endFailures()
    // The failures must have left the ranges of all rules before the window ends.
    await sleep(compress(20 * minuteMs), undefined, { signal }).catch(() => undefined)
    await callApi(pushgateway, { method: 'DELETE', path: windowPath }, signal)
  }
}

/** Replaces the gauges of a Pushgateway group. */
export async function pushGauges(
  url: string,
  path: string,
  values: Readonly<Record<string, number>>,
): Promise<void> {
  const body = Object.entries(values)
    .map(([name, value]) => `# TYPE ${name} gauge\n${name} ${value}\n`)
    .join('')
  const response = await fetch(url + path, { method: 'PUT', body, signal: AbortSignal.timeout(5000) })
  if (response.ok) return
  const reason = `${response.status} ${(await response.text()).slice(0, 200)}`
  throw new Error(`the Pushgateway rejected ${Object.keys(values).join(', ')}: ${reason}`)
}
