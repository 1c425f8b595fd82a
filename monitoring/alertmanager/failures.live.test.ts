import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { freePort } from '../../runtime/services/index.ts'
import { alertCases } from '../prometheus/promtool.ts'
import { readRules } from '../prometheus/rules.ts'
import { findNamedAlerts } from '../receivers/index.ts'
import type { Delivery } from '../receivers/index.ts'
import { firstHour } from './testing/first-hour.ts'
import { evaluateRules, playNight, post, startPager } from './testing/night.ts'
import type { FiringAlert, Pager } from './testing/night.ts'
import { outages } from './testing/outages.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vigil-failures-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const rule = readRules().alerts.find(({ alert }) => alert === 'APIUnavailable')
const row = alertCases.find(({ alert }) => alert === 'APIUnavailable')
const outage: FiringAlert = {
  labels: { alertname: 'APIUnavailable', ...rule?.labels },
  annotations: {
    ...rule?.annotations,
    summary: row?.summary ?? '',
    description: row?.description ?? '',
    worst: row?.summary ?? '',
  },
}

/** What is between Alertmanager and PagerDuty. */
interface Way {
  port: number
  state: 'open' | 'refuses' | 'slow'
  /** How many requests came, and how many were passed on. */
  counts: { came: number; passed: number }
  listen: () => Promise<void>
  close: () => Promise<void>
}

/** A proxy that can refuse, delay, or not be there. */
async function wayTo(target: () => string): Promise<Way> {
  const port = await freePort()
  const counts = { came: 0, passed: 0 }
  const way: Way = { port, state: 'open', counts, listen, close }
  let server: Server | undefined
  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    counts.came += 1
    const chunks: Buffer[] = []
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
    if (way.state === 'refuses') {
      response.writeHead(503).end()
      return
    }
    while (way.state === 'slow') await sleep(20)
    counts.passed += 1
    const answer = await fetch(target() + (request.url ?? ''), {
      method: 'POST',
      body: Buffer.concat(chunks),
    })
    response.writeHead(answer.status).end(await answer.text())
  }
  async function listen(): Promise<void> {
    server = createServer((request, response) => void pass(request, response))
    await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve))
  }
  async function close(): Promise<void> {
    server?.closeAllConnections()
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())))
    server = undefined
  }
  return way
}

/** Ten seconds of production are a second. Longer than the test waits, so that nothing repeats. */
const speed = 10

async function startDisturbed(
  name: string,
): Promise<{ pager: Pager; way: Way; send: (ended?: true) => Promise<void> }> {
  let target = ''
  const way = await wayTo(() => target)
  const pager = await startPager(join(scratch, name), speed, undefined, (configuration) =>
    configuration.replaceAll(
      /((?:pagerduty_url|url): ['"]?)(http:\/\/[\d.:]+)(?=\/v2\/enqueue)/g,
      (_, key: string, url: string) => {
        target = url
        return `${key}http://127.0.0.1:${way.port}`
      },
    ),
  )
  expect(target).not.toBe('')
  const startsAt = new Date().toISOString()
  const send = async (ended?: true): Promise<void> => {
    const endsAt = new Date(Date.now() + (ended ? -1 : 3_600_000)).toISOString()
    await post(pager.url(), [{ ...outage, startsAt, endsAt }])
  }
  return { pager, way, send }
}

const lines = (received: readonly Delivery[]): string[] =>
  received.map(({ via, status }) => `${via} ${status}`).toSorted()

async function until(condition: () => boolean, withinMs = 60_000): Promise<number> {
  const startedMs = performance.now()
  while (!condition() && performance.now() - startedMs < withinMs) await sleep(20)
  return performance.now() - startedMs
}

const both = ['pagerduty firing', 'sms firing']
const ends = ['pagerduty firing', 'pagerduty resolved', 'sms firing', 'sms resolved']

describe.concurrent('a receiver', () => {
  it.each(['refuses', 'slow'] as const)('that %s delays its own messages only', async (state) => {
    const { pager, way, send } = await startDisturbed(state)
    const received = pager.receivers.received
    try {
      await way.listen()
      way.state = state
      await send()
      await until(() => received().some(({ via }) => via === 'sms') && way.counts.came > 0)
      // The other channel has it already.
      expect(lines(received())).toEqual(['sms firing'])
      way.state = 'open'
      await until(() => received().length > 1)
      expect(lines(received())).toEqual(both)
      await send(true)
      await until(() => received().length > 3)
      // Nothing twice: what was refused is sent again, what was accepted is not.
      await sleep(2500)
      expect(lines(received())).toEqual(ends)
      expect(way.counts.came > way.counts.passed).toBe(state === 'refuses')
    } finally {
      await way.close()
      await pager.stop()
    }
  })

  it('that is down gets its messages when it is back', async () => {
    const { pager, way, send } = await startDisturbed('down')
    const received = pager.receivers.received
    try {
      await send()
      await until(() => received().length > 0)
      expect(lines(received())).toEqual(['sms firing'])
      // What NotificationsFailing reads counts attempts that were given up, or this one when it is.
      const attempts = async (): Promise<number> => {
        const text = await (await fetch(`${pager.url()}/metrics`)).text()
        return Number(
          /^alertmanager_notification_requests_total\{integration="pagerduty"\} (\d+)/m.exec(text)?.[1],
        )
      }
      expect(await attempts()).toBeGreaterThan(0)
      await way.listen()
      await until(() => received().length > 1)
      expect(lines(received())).toEqual(both)
    } finally {
      await way.close()
      await pager.stop()
    }
  })
})

const names = readRules().alerts.map(({ alert }) => alert)

describe.concurrent('the notifications', () => {
  it.each([
    ['the disk is full', ['firing DiskSpaceLow: pagerduty', 'resolved DiskSpaceLow: pagerduty']],
    ['hardly any traffic', ['firing TrafficUnusual: slack', 'resolved TrafficUnusual: slack']],
    [
      'one request in fourteen fails',
      [
        'firing APIHighErrorRate: pagerduty',
        'firing APIHighErrorRate: sms',
        'resolved APIHighErrorRate: pagerduty',
        'resolved APIHighErrorRate: sms',
      ],
    ],
    ['two probes flap', []],
    [
      'the health probe flaps, and an endpoint fails',
      [
        'firing APIUnavailable: pagerduty',
        'firing APIUnavailable: sms',
        'resolved APIUnavailable: pagerduty',
        'resolved APIUnavailable: sms',
      ],
    ],
  ] as const)('of an outage: %s', async (name, expected) => {
    const folder = join(scratch, name.replaceAll(/\W+/g, '-'))
    const evaluations = await evaluateRules(outages[name], folder, {
      outage: name === 'hardly any traffic' ? 22 : 12,
    })
    const nightSpeed = 240
    const pager = await startPager(folder, nightSpeed)
    try {
      const received = await playNight(evaluations, pager, nightSpeed)
      const statuses = received.map(({ status }) => status)
      expect(statuses, 'each fires before it is resolved').toEqual(statuses.toSorted())
      expect(
        received
          .map((message) => `${message.status} ${findNamedAlerts(message, names)[0]}: ${message.via}`)
          .toSorted(),
      ).toEqual(expected)
    } finally {
      await pager.stop()
    }
  })
})

it('the first hour of a fresh deployment raises nothing', async () => {
  const evaluations = await evaluateRules(firstHour(), join(scratch, 'first-hour'), {
    before: 90,
    outage: 0,
    after: 0,
  })
  expect(evaluations).toHaveLength(360)
  expect(evaluations.flat()).toEqual([])
})
