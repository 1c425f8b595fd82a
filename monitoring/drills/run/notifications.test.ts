import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../receivers/index.ts'
import { emptyObservation } from '../observation/observation.ts'
import type { Observation } from '../observation/observation.ts'
import type { Observer } from '../observation/observer.ts'
import { defineDrill } from '../table/builders.ts'
import type { Drill, DrillContext, DrillResult } from '../table/drill.ts'
import { findNotificationProblem, messagesOfDrill } from './notifications.ts'
import { runDrill } from './run-drill.ts'

const pager = { via: 'pagerduty', address: 'on_call' } as const
const phone = { via: 'sms', address: 'todo' } as const
const managers = { via: 'email', address: 'managers' } as const
const runbook = 'https://here/errors.md#down'
const alerts = new Map<string, string | undefined>([
  ['Down', runbook],
  ['Slow', undefined],
  ['CriticalAlertPersists', undefined],
  ['Another', undefined],
])

const message = (atMs: number, change: Partial<Delivery> = {}): Delivery => ({
  ...pager,
  atMs,
  status: 'firing',
  title: 'CRITICAL Down: 12% of requests failing',
  text: `read ${runbook}`,
  response: { state: 'ok' },
  ...change,
})
const resolved = (atMs: number, change: Partial<Delivery> = {}): Delivery =>
  message(atMs, { status: 'resolved', title: 'RESOLVED after 12 min: Down', text: '', ...change })
const persists = (atMs: number, change: Partial<Delivery> = {}): Delivery =>
  message(atMs, { ...managers, title: 'CRITICAL CriticalAlertPersists: Down for 15 minutes', ...change })

const drill = (change: Partial<Drill> = {}): Drill =>
  defineDrill({
    requirement: 'C1',
    alert: 'Down',
    fault: 'it is down',
    exclusive: [],
    injectFault: async () => async () => undefined,
    to: [pager, phone],
    inhibits: ['Slow'],
    escalations: [{ alert: 'CriticalAlertPersists', to: [managers], afterMs: 1000 }],
    ...change,
  })

const night = [
  message(1),
  message(2, phone),
  persists(5),
  resolved(9),
  resolved(9, phone),
  resolved(9, {
    ...managers,
    title: 'RESOLVED after 2s: CriticalAlertPersists',
    text: 'ended: Down for 15 min',
  }),
]
const problemOf = (messages: readonly Delivery[]): string =>
  findNotificationProblem(messages, { drill: drill(), alerts, repeatMs: 60_000 }) ?? 'none'

describe('the notifications of a drill', () => {
  it.each<[string, readonly Delivery[], string]>([
    ['each once, in order', night, 'none'],
    ['resolutions in another order', [...night.slice(0, 3), ...night.slice(3).toReversed()], 'none'],
    [
      'a rejected one does not count',
      [message(0, { response: { state: 'invalid', status: 500, reason: '' } }), ...night],
      'none',
    ],
    ['a repeated one after its interval', [...night.slice(0, 3), message(60_001), ...night.slice(3)], 'none'],
    [
      'a repeated one before it',
      [...night.slice(0, 3), message(60_000), ...night.slice(3)],
      'again after 60',
    ],
    ['one after the end', [...night, message(20)], 'again after its resolution'],
    ['a second resolution', [...night, resolved(20)], 'was resolved to pagerduty on_call twice'],
    ['a resolution of nothing', [resolved(1), ...night], 'before it fired'],
    ['an escalation before all have the alert', [message(1), persists(2)], 'before its cause'],
    ['an alert that is held back', [...night, message(20, { title: 'HIGH Slow: 2 s' })], 'no one needs it'],
    ['the alert to someone else', [message(1, managers), ...night], 'no one needs it'],
    ['without its runbook', [message(1, { text: '' })], `without the link of its runbook (${runbook})`],
    ['without its summary', [message(1, { title: 'CRITICAL Down' })], 'its name and its summary'],
    ['with a template that failed', [message(1, { text: `<no value> ${runbook}` })], 'value of a label'],
    [
      'an end without its duration',
      [night[0] ?? message(1), resolved(2, { title: 'RESOLVED Down' })],
      'how long',
    ],
    [
      'an end together with that of an earlier drill, which this fault may cause too',
      [
        ...night.slice(0, 3),
        resolved(9, { title: 'RESOLVED: Slow after 2s, Down after 12s' }),
        ...night.slice(4),
      ],
      'none',
    ],
    [
      'the end of an alert that is held back',
      [...night, resolved(20, { title: 'RESOLVED after 2s: Slow' })],
      'no one needs it',
    ],
    [
      'an end together with another one',
      [
        ...night.slice(0, 3),
        resolved(9, { title: 'RESOLVED: Another after 2s, Down after 12s' }),
        ...night.slice(4),
      ],
      'none',
    ],
  ])('%s', (_, messages, problem) => expect(problemOf(messages)).toContain(problem))

  it('are those of its alerts, by the first name in the title', () => {
    const other = message(1, { title: 'HIGH Other: Down', text: 'Down' })
    const received = [message(1), other, persists(2), message(3, { title: 'HIGH Slow: x' })]
    expect(messagesOfDrill(drill(), received, [...alerts.keys(), 'Other'])).toEqual(
      received.filter((one) => one !== other),
    )
  })
})

/** Everything has happened before it is waited for. */
function observerOf(observations: readonly Observation[], received: readonly Delivery[]): Observer {
  return {
    observe: ({ alert }) => observations.find((seen) => seen.alert === alert) ?? emptyObservation(alert),
    endObservation: () => undefined,
    firing: () => [],
    alerts: () => alerts,
    received: () => received,
    waitUntil: async (condition, withinMs) => {
      clockMs += withinMs > 0 ? 2000 : 0
      return condition()
    },
    stop: async () => undefined,
  }
}
let clockMs = 0

const seen = (alert: string, change: Partial<Observation> = {}): Observation => ({
  ...emptyObservation(alert),
  rule: { expression: 'up', forMs: 0, health: 'ok' },
  evaluations: 9,
  trueAtMs: 1,
  beganMs: 1,
  firingAtMs: 1,
  clearedAtMs: 8,
  inAlertmanagerAtMs: 1,
  groupedBy: ['alertname'],
  receivers: ['critical'],
  ...change,
})

async function play(
  observations: readonly Observation[],
  received: readonly Delivery[] = night,
  played: Drill = drill(),
): Promise<DrillResult> {
  clockMs = 0
  // Nothing of the environment is used by a fault that does nothing.
  const context = { compress: (ms: number) => ms, signal: new AbortController().signal } as DrillContext
  const observer = observerOf(observations, received)
  // The calm of a fault without alerts is reached at the second look.
  const settled: Observer = {
    ...observer,
    waitUntil: async (condition, withinMs) => {
      condition()
      return observer.waitUntil(condition, withinMs)
    },
  }
  return runDrill(
    played,
    context,
    settled,
    () => clockMs,
    () => undefined,
  )
}

describe('a drill', () => {
  const down = seen('Down', { received: night.filter(({ title }) => !title.includes('Persists')) })
  const held = seen('Slow', { inhibitedAtMs: 1 })
  const escalated = seen('CriticalAlertPersists', { received: night.filter(({ via }) => via === 'email') })

  it('passes with every alert, end and escalation where it belongs, and shows each hop', async () => {
    clockMs = 0
    const result = await play(
      [down, held, escalated],
      night.map((one) => ({ ...one, atMs: one.atMs + 10_000 })),
    )
    expect(result).toMatchObject({ state: 'passed', inhibited: ['Slow'] })
    expect(result.messages).toHaveLength(6)
    expect(result.events.map(({ hop }) => hop)).toEqual(
      expect.arrayContaining([
        'fault',
        'pending',
        'firing',
        'alertmanager',
        'inhibition',
        'receiver',
        'resolved',
      ]),
    )
  })

  it.each<[string, readonly Observation[], readonly Delivery[] | undefined, string]>([
    [
      'an inhibited alert that was delivered',
      [down, { ...held, received: [message(5000, { title: 'HIGH Slow: 2 s' })] }, escalated],
      undefined,
      'inhibition',
    ],
    ['an alert that was not inhibited', [down, seen('Slow'), escalated], undefined, 'inhibition'],
    [
      'an escalation that did not arrive',
      [down, held, seen('CriticalAlertPersists')],
      undefined,
      'escalation',
    ],
    [
      'an escalation without its end',
      [down, held, { ...escalated, received: [persists(5)] }],
      undefined,
      'resolved notice',
    ],
    [
      'no resolution',
      [{ ...down, received: night.slice(0, 2) }, held, escalated],
      undefined,
      'resolved notice',
    ],
    [
      'a message too many',
      [down, held, escalated],
      [...night, message(20)].map((one) => ({ ...one, atMs: one.atMs + 10_000 })),
      'notifications',
    ],
  ])('fails with %s', async (_, observations, received, hop) => {
    expect(await play(observations, received)).toMatchObject({ state: 'failed', hop })
  })

  it.each<[string, Partial<Observation>, string]>([
    ['does not fire', { firingAtMs: undefined as never }, 'does not fire in the maintenance window'],
    ['is not muted', {}, 'fires in the maintenance window and is not muted'],
    ['is delivered', { inhibitedAtMs: 1, received: [message(5)] }, 'was delivered to pagerduty on_call'],
  ])('fails when an alert that a maintenance window must mute %s', async (_, change, why) => {
    const muted = seen('Slow', change)
    const played = drill({ inhibits: [], mutes: ['Slow'], escalations: [] })
    const result = await play([down, muted], undefined, played)
    expect(result).toMatchObject({ state: 'failed', hop: 'muting' })
    expect(result.why).toContain(why)
  })
})
