import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readRules } from '../prometheus/rules.ts'
import type { Delivery } from '../receivers/index.ts'
import { evaluateRules, playNight, startPager, stepMs } from './testing/night.ts'
import type { FiringAlert, Stages } from './testing/night.ts'
import { inSequence, outages } from './testing/outages.ts'

const names = readRules().alerts.map(({ alert }) => alert)

/** Two minutes are a second. */
const speed = 120
const minutesBefore = 11
const perMinute = 60_000 / stepMs
const scratch = mkdtempSync(join(tmpdir(), 'vigil-notifications-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Alertmanager with production's configuration gets what the real rules fire during an outage. */
async function playOutage(
  name: keyof typeof outages,
  { stages, restartAtMinute }: { stages?: Stages; restartAtMinute?: number } = {},
): Promise<{ received: (Delivery & { minute: number })[]; evaluations: FiringAlert[][] }> {
  const folder = join(scratch, name.replaceAll(/\W+/g, '-') + String(restartAtMinute ?? ''))
  const evaluations = await evaluateRules(outages[name], folder, stages)
  const pager = await startPager(folder, speed)
  try {
    const received = await playNight(evaluations, pager, speed, async (step) => {
      if (step === ((restartAtMinute ?? -1) + minutesBefore) * perMinute) await pager.restart()
    })
    return { received, evaluations }
  } finally {
    await pager.stop()
  }
}

/** What a person gets, in order: one line for each message, with all that got it. */
function messages(received: readonly (Delivery & { minute: number })[]): string[] {
  const lines = new Map<string, Set<string>>()
  for (const { status, title, via, address } of received) {
    // The first name: an escalation names another alert, too.
    const [alert = title] = names
      .filter((name) => title.includes(name))
      .toSorted((a, b) => title.indexOf(a) - title.indexOf(b))
    const to = `${via} ${address.replace(/^.*:/, '')}`
    // Messages are numbered, so that a repeated one is another line.
    let line = `${status} ${alert}`
    while (lines.get(line)?.has(to) === true) line += ' again'
    lines.set(line, (lines.get(line) ?? new Set()).add(to))
  }
  return [...lines].map(([line, to]) => `${line}: ${[...to].toSorted().join(', ')}`)
}

const onCall = 'pagerduty pagerduty_on_call'
const awake = `${onCall}, sms todo-on-call`

describe.concurrent('one outage is one notification and one resolution, of the cause', () => {
  it.each([
    ['the database is down', 'DatabaseUnreachable', awake],
    ['the API cannot reach the database', 'DatabaseConnectionFailures', awake],
    ['the database is slow', 'DatabaseQueriesSlow', onCall],
    ['authentication is down', 'AuthenticationServiceDown', awake],
    ['the API is down', 'APIUnreachable', awake],
    ['one endpoint is slow', 'APIHighResponseTime', awake],
    ['one endpoint fails', 'APIUnavailable', awake],
    ['few requests fail', 'APIErrorRateElevated', onCall],
    ['memory runs out', 'MemoryNearlyExhausted', onCall],
  ] as const)('%s: %s', { timeout: 300_000 }, async (name, alert, to) => {
    const { received, evaluations } = await playOutage(name)
    expect(messages(received)).toEqual([`firing ${alert}: ${to}`, `resolved ${alert}: ${to}`])
    // By the rules: how long Alertmanager took depends on this machine.
    const first = evaluations.findIndex((firing) =>
      firing.some(({ labels }) => labels['alertname'] === alert),
    )
    expect(first / perMinute - minutesBefore).toBeLessThan(to === awake ? 3 : 5.5)
  })

  it('two outages at the same time are two', { timeout: 300_000 }, async () => {
    expect(messages((await playOutage('two outages: the database, and memory')).received)).toEqual([
      `firing DatabaseUnreachable: ${awake}`,
      `firing MemoryNearlyExhausted: ${onCall}`,
      expect.stringMatching(/^resolved (Database|Memory)/),
      expect.stringMatching(/^resolved (Database|Memory)/),
    ])
  })

  it.each([
    ['before Alertmanager forgets the first one', 7, 8],
    ['soon after the end of the first one', 1.5, 2.5],
  ])('another outage %s is sent once, and so is its end', { timeout: 300_000 }, async (_, pause, length) => {
    const series = inSequence(
      stepMs,
      { outage: 'the database is down', minutes: [minutesBefore, 6, pause] },
      { outage: 'one endpoint fails', minutes: [0, length, 16] },
    )
    const folder = join(scratch, `sequence-${pause}`)
    const stages = { before: minutesBefore, outage: 6, after: pause + length + 16 }
    const evaluations = await evaluateRules(series, folder, stages)
    const pager = await startPager(folder, speed)
    try {
      expect(messages(await playNight(evaluations, pager, speed))).toEqual([
        `firing DatabaseUnreachable: ${awake}`,
        `resolved DatabaseUnreachable: ${awake}`,
        `firing APIUnavailable: ${awake}`,
        `resolved APIUnavailable: ${awake}`,
      ])
    } finally {
      await pager.stop()
    }
  })

  it('two alerts overlap: the end of the first one is named', { timeout: 300_000 }, async () => {
    const series = inSequence(
      stepMs,
      { outage: 'one endpoint fails, and another is slow', minutes: [minutesBefore, 6, 0] },
      { outage: 'one endpoint is slow', minutes: [0, 4, 16] },
    )
    const folder = join(scratch, 'overlap')
    const stages = { before: minutesBefore, outage: 6, after: 20 }
    const evaluations = await evaluateRules(series, folder, stages)
    const pager = await startPager(folder, speed)
    try {
      const titles = (await playNight(evaluations, pager, speed)).map(({ via, title }) => `${via} ${title}`)
      for (const via of ['pagerduty', 'sms'])
        expect(titles.filter((title) => title.startsWith(via))).toEqual([
          expect.stringContaining('CRITICAL APIUnavailable: '),
          expect.stringContaining('CRITICAL APIHighResponseTime, APIUnavailable: '),
          expect.stringContaining('CRITICAL APIHighResponseTime (APIUnavailable resolved): '),
          expect.stringMatching(/RESOLVED after .*: APIHighResponseTime$/),
        ])
    } finally {
      await pager.stop()
    }
  })

  it('a restart of Alertmanager in the middle repeats nothing', { timeout: 300_000 }, async () => {
    expect(messages((await playOutage('the database is down', { restartAtMinute: 4 })).received)).toEqual([
      `firing DatabaseUnreachable: ${awake}`,
      `resolved DatabaseUnreachable: ${awake}`,
    ])
  })

  it('escalates the cause only, and stops when it is resolved', { timeout: 300_000 }, async () => {
    const { received } = await playOutage('the database is down', { stages: { outage: 33, after: 12 } })
    const managers =
      'email engineering-management@example.com, pagerduty pagerduty_management, sms todo-management'
    expect(messages(received)).toEqual([
      `firing DatabaseUnreachable: ${awake}`,
      'firing CriticalAlertPersists: pagerduty pagerduty_backend',
      `firing CriticalAlertUnresolved: ${managers}`,
      ...['DatabaseUnreachable', 'CriticalAlertPersists', 'CriticalAlertUnresolved'].map(() =>
        expect.stringMatching(/^resolved /),
      ),
    ])
  })
})
