import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { requireTool } from '../../../runtime/tools/index.ts'
import { freePort, startAlertmanager } from '../../../runtime/services/index.ts'
import { writeAlertmanager } from '../../drills/environment/configuration.ts'
import type { Edit } from '../../drills/environment/configuration.ts'
import type { Delivery, Receivers } from '../../receivers/index.ts'
import { playCases } from '../../prometheus/promtool.ts'
import { readRules, ruleFiles, rulesFolder } from '../../prometheus/rules.ts'
import { seriesValues } from '../../prometheus/timeline.ts'
import type { SeriesTimeline } from '../../prometheus/timeline.ts'

const names = readRules().alerts.map(({ alert }) => alert)

/** An alert that fires, with the texts of one evaluation. */
export interface FiringAlert {
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
}

/** The evaluation interval of `prometheus.yml`. */
export const stepMs = 15_000

/** Minutes of the three stages of an outage. */
export interface Stages {
  before?: number
  outage?: number
  after?: number
}

/**
 * The alerts that fire at each evaluation, by the real rules. promtool prints every alert that a test does
 * not expect, and this test expects none.
 *
 * @param folder for the test file
 */
export async function evaluateRules(
  series: readonly (SeriesTimeline | { series: string; values: string })[],
  folder: string,
  { before = 11, outage = 12, after = 18 }: Stages = {},
): Promise<FiringAlert[][]> {
  mkdirSync(folder, { recursive: true })
  const lengths = [before, outage, after].map((minutes) => (minutes * 60_000) / stepMs)
  const steps = lengths.reduce((sum, length) => sum + length, 0)
  // Of its own: tests that run at the same time may share the folder.
  const file = join(mkdtempSync(join(folder, 'night-')), 'night.test.yml')
  const test = {
    interval: '15s',
    input_series: series.map((one) =>
      'values' in one ? one : { series: one.series, values: seriesValues(one, lengths, stepMs) },
    ),
    alert_rule_test: Array.from({ length: steps }, (_, step) =>
      names
        .filter((name) => name !== 'Watchdog')
        .map((alertname) => ({ eval_time: `${(step * stepMs) / 1000}s`, alertname, exp_alerts: [] })),
    ).flat(),
  }
  // JSON is YAML, and written in a hundredth of the time.
  writeFileSync(
    file,
    JSON.stringify({
      rule_files: ruleFiles.map((name) => join(rulesFolder, name)),
      evaluation_interval: '15s',
      tests: [test],
    }),
  )
  const { output } = await playCases(await requireTool('promtool'), [file])
  return parseFiring(output, steps)
}

function parseFiring(output: string, steps: number): FiringAlert[][] {
  const firing: FiringAlert[][] = Array.from({ length: steps }, () => [])
  let step = 0
  let labels: Record<string, string> = {}
  for (const line of output.split('\n')) {
    const [, time] = /^\s+alertname: \S+, time: (\S+),/.exec(line) ?? []
    if (time !== undefined) step = (secondsOf(time) * 1000) / stepMs
    const [, part, values = ''] = /^\s+(Labels|Annotations):\{(.*)\},?$/.exec(line) ?? []
    if (part === 'Labels') labels = parsePairs(values)
    if (part === 'Annotations') firing[step]?.push({ labels, annotations: parsePairs(values) })
  }
  return firing
}

function secondsOf(text: string): number {
  const units: Record<string, number> = { h: 3600, m: 60, s: 1 }
  return [...text.matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, count, unit = 's']) => sum + Number(count) * (units[unit] ?? 1),
    0,
  )
}

function parsePairs(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)=("(?:[^"\\]|\\.)*")/g)].map(([, name = '', value = '""']) => [
      name,
      String(JSON.parse(value)),
    ]),
  )
}

const monitoring = fileURLToPath(new URL('../..', import.meta.url))

/** Alertmanager alone, with production's configuration on a faster clock, and the receivers. */
export interface Pager {
  receivers: Receivers
  url: () => string
  /** How often it was started. */
  starts: () => number
  /** Ends Alertmanager immediately and starts it again with the same data. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

/**
 * @param through changes the finished configuration, to put something between Alertmanager and a receiver
 */
export async function startPager(
  parent: string,
  speed: number,
  edit?: Edit,
  through: (configuration: string) => string = (configuration) => configuration,
): Promise<Pager> {
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'pager-'))
  const plan = { monitoring, folder, speed, ...(edit !== undefined && { edit }) }
  const written = await writeAlertmanager(plan, Date.now)
  if (written.state !== 'ok') throw new Error(written.reason)
  const { receivers, file, env } = written.value
  writeFileSync(file, through(readFileSync(file, 'utf8')))
  const program = await requireTool('alertmanager')
  const port = await freePort()
  const start = async () => {
    const started = await startAlertmanager({
      folder,
      program,
      port,
      configFile: file,
      env,
      signal: new AbortController().signal,
    })
    if (started.state !== 'ok') throw new Error(JSON.stringify(started))
    return started.service
  }
  let service = await start()
  let starts = 1
  return {
    receivers,
    starts: () => starts,
    url: () => service.url,
    restart: async () => {
      await service.stop()
      service = await start()
      starts += 1
    },
    stop: async () => {
      await service.stop()
      await receivers.stop()
    },
  }
}

interface SentAlert extends FiringAlert {
  startsAt: string
  endsAt: string
}

/** Evaluations in 15 minutes and in one: for how long and how often Prometheus sends a resolved alert. */
const retention = 60
const resend = 4

/**
 * Sends to Alertmanager what Prometheus would send: each firing alert at each evaluation, and a resolved one
 * each minute. Evaluations come `speed` times as fast.
 *
 * @returns the deliveries, with the minute after the beginning of the outage
 */
export async function playNight(
  evaluations: readonly (readonly FiringAlert[])[],
  pager: Pager,
  speed: number,
  atStep: (step: number) => Promise<void> = async () => undefined,
  outageMinute = 11,
): Promise<(Delivery & { minute: number })[]> {
  const startedMs = Date.now()
  const active = new Map<string, { alert: FiringAlert; startsAt: string }>()
  const resolved = new Map<string, { alert: SentAlert; step: number }>()
  const from = pager.receivers.received().length
  let starts = pager.starts()
  for (const [step, firing] of evaluations.entries()) {
    const dueMs = startedMs + (step * stepMs) / speed
    await sleep(Math.max(0, dueMs - Date.now()))
    await atStep(step)
    const now = new Date().toISOString()
    const keys = new Set(firing.map((alert) => JSON.stringify(alert.labels)))
    for (const [key, { alert, startsAt }] of active) {
      if (keys.has(key)) continue
      active.delete(key)
      resolved.set(key, { alert: { ...alert, startsAt, endsAt: now }, step })
    }
    for (const alert of firing) {
      const key = JSON.stringify(alert.labels)
      resolved.delete(key)
      active.set(key, { alert, startsAt: active.get(key)?.startsAt ?? now })
    }
    const farAway = new Date(Date.now() + 3_600_000).toISOString()
    const alerts: SentAlert[] = [
      ...[...active.values()].map(({ alert, startsAt }) => ({ ...alert, startsAt, endsAt: farAway })),
      ...[...resolved.values()]
        .filter((ended) => step - ended.step <= retention && (step - ended.step) % resend === 0)
        .map(({ alert }) => alert),
    ]
    // A version without --dispatch.start-delay sends old alerts immediately after a start, before it knows
    // those of the same request that hold them back (https://github.com/prometheus/alertmanager/issues/4064).
    if (starts !== pager.starts()) {
      await post(
        pager.url(),
        alerts.filter(({ labels }) => labels['alertname'] === 'CausePending'),
      )
      await sleep(200)
    }
    starts = pager.starts()
    await post(pager.url(), alerts)
  }
  await sleep(60_000 / speed + 500)
  return pager.receivers
    .received()
    .slice(from)
    .map((delivery) => ({
      ...delivery,
      minute: Number((((delivery.atMs - startedMs) * speed) / 60_000 - outageMinute).toFixed(1)),
    }))
}

/** Sends alerts as Prometheus does. */
export async function post(url: string, alerts: readonly object[]): Promise<void> {
  if (alerts.length === 0) return
  const response = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      alerts.map((alert) => ({ ...alert, generatorURL: 'http://prometheus.example.com/graph?g0.expr=up' })),
    ),
  })
  if (!response.ok) throw new Error(`Alertmanager: ${response.status} ${await response.text()}`)
}
