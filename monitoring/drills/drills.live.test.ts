import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireTool } from '../../runtime/tools/index.ts'
import {
  drills,
  runDeploymentDrill,
  runDrills,
  startDrillEnvironment,
  usualRequestsPerSecond,
} from './index.ts'
import type { Drill, DrillResult, DrillsReport } from './index.ts'
import type { DrillEnvironment } from './environment/environment.ts'
import type { Edit } from './environment/configuration.ts'
import { stackToolNames } from '../stack/index.ts'
import type { StackToolName } from '../stack/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'vigil-drills-'))
const signal = new AbortController().signal

/** Production's configuration with five deliberate errors. */
const broken: Edit = (file, text) => {
  if (file === 'pagerduty_on_call') return '0'.repeat(32)
  if (!file.endsWith('.yml')) return text
  const document = parseDocument(text)
  if (file === 'alertmanager.yml') {
    const { route } = document.toJS() as { route: { routes: { matchers: string[] }[] } }
    const security = route.routes.findIndex(({ matchers }) => matchers.includes('team="security"'))
    document.setIn(['route', 'routes', security, 'routes', 2, 'receiver'], 'slack')
  }
  if (file === 'alert_rules.yml') {
    const rules = (
      document.toJS() as { groups: { rules: { alert?: string; expr: string }[] }[] }
    ).groups.flatMap((group, at) =>
      group.rules.map((rule, index) => ({ ...rule, path: ['groups', at, 'rules', index] })),
    )
    const slow = rules.find(({ alert }) => alert === 'APISlow')
    document.setIn([...(slow?.path ?? []), 'expr'], slow?.expr.replace('> 1\n', '> 100\n'))
    document.setIn([...(rules.find(({ alert }) => alert === 'APIUnavailable')?.path ?? []), 'for'], '1h')
    // An alert that fires in the drill of another one.
    const lockouts = rules.find(({ alert }) => alert === 'AccountLockouts')
    const failures = rules.find(({ alert }) => alert === 'AuthenticationFailuresHigh')
    document.setIn([...(lockouts?.path ?? []), 'expr'], failures?.expr)
  }
  return document.toString({ lineWidth: 0 })
}

/** Limits above the usual times, but not by much, because the lost alerts take the full time. */
const impatient = (drill: Drill): Drill => ({
  ...drill,
  limits: { trueMs: 60_000, firesMs: 60_000, deliverMs: 30_000 },
})

let environment: DrillEnvironment
let report: DrillsReport

beforeAll(async () => {
  const paths = await Promise.all(
    stackToolNames.map(async (name) => [name, await requireTool(name)] as const),
  )
  const started = await startDrillEnvironment({
    monitoring: join(root, 'monitoring'),
    folder,
    speed: 60,
    tools: Object.fromEntries(paths) as Record<StackToolName, string>,
    service: {
      command: [process.execPath, 'backend/main.ts'],
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        RATE_LIMIT_PER_MINUTE: '100',
        AUTH_RATE_LIMIT_PER_MINUTE: '5000',
        LOG_LEVEL: 'silent',
      },
      ready: '/health/ready',
    },
    faultsToken: 'a token of the drills that are tested',
    usualPerSecond: usualRequestsPerSecond,
    edit: broken,
    now: Date.now,
    signal,
  })
  if (started.state === 'failed') throw new Error(started.reason)
  environment = started.environment
  const wanted = new Set([
    'DiskSpaceLow',
    'AuthenticationFailuresHigh',
    'DatabaseConnectionsHigh',
    'APISlow',
    'APIUnavailable',
    'NewRegistrations',
  ])
  report = await runDrills({
    drills: drills.filter(({ alert }) => wanted.has(alert)).map(impatient),
    environment,
    speed: 60,
    unique: Date.now().toString(36),
    now: Date.now,
    signal,
    reportStep: () => undefined,
    reportResult: () => undefined,
  })
}, 180_000)

afterAll(async () => {
  await environment?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const result = (alert: string): Partial<DrillResult> =>
  report.results.find((each) => each.alert === alert) ?? {}

describe('drills of a configuration with five errors', () => {
  it('follow an alert until it is resolved, and everyone knows', () => {
    const { messages = [], ...whole } = result('DatabaseConnectionsHigh')
    expect(whole).toMatchObject({
      state: 'passed',
      deliveredTo: ['slack slack_alerts'],
      resolveSeconds: expect.any(Number),
    })
    expect(messages.map(({ status }) => status)).toEqual(['firing', 'resolved'])
  })

  it('name an alert that reaches people although no drill causes it', () => {
    const line = 'AccountLockouts was delivered to slack slack_alerts although no drill caused it'
    expect(report.unexpected).toEqual(expect.arrayContaining([expect.stringContaining(line)]))
  })

  it('deliver an alert without errors', () => {
    expect(result('NewRegistrations')).toMatchObject({
      state: 'passed',
      deliveredTo: ['email todo-reports@example.com'],
    })
  })

  it('name a receiver that rejects the alert, with its response', () => {
    expect(result('DiskSpaceLow')).toMatchObject({
      state: 'failed',
      hop: 'receiver',
      why: expect.stringContaining(
        "which rejected it: it responded 400 'routing_key' is not the key of an integration",
      ),
    })
  })

  it('name a swapped route, with its receiver', () => {
    expect(result('AuthenticationFailuresHigh')).toMatchObject({
      state: 'failed',
      hop: 'receiver',
      why:
        'AuthenticationFailuresHigh was routed to the wrong receiver: slack slack_alerts has ' +
        'it, expected slack slack_security',
    })
  })

  it('name a threshold that is never reached, with the current value', () => {
    expect(result('APISlow')).toMatchObject({
      state: 'failed',
      hop: 'rule',
      why: expect.stringMatching(/APISlow was never true within .* is 1\.\d+, its rule expects > 100/),
    })
  })

  it("name a 'for' that is too long", () => {
    expect(result('APIUnavailable')).toMatchObject({
      state: 'failed',
      hop: 'pending',
      why: expect.stringContaining("its 'for' is 60 s on the drill's clock"),
    })
  })
})

describe('a drill of a deployment', () => {
  const plan = () => ({
    prometheusUrl: environment.urls.prometheus,
    alertmanagerUrl: environment.urls.alertmanager,
    severity: 'medium',
    id: `drill${Date.now()}`,
    waitMs: 15_000,
    now: Date.now,
    signal,
    reportStep: () => undefined,
  })

  it('finds the receivers of a marked alert without notifying them', async () => {
    const before = environment.receivers.received().length
    expect(await runDeploymentDrill({ ...plan(), notifyPeople: false })).toMatchObject({
      state: 'passed',
      receivers: ['slack'],
    })
    expect(
      environment.receivers
        .received()
        .slice(before)
        .filter(({ text }) => text.includes('VigilDrill')),
    ).toEqual([])
  })

  it('waits for an acknowledgement when people are notified', async () => {
    const unsubscribe = environment.receivers.subscribe(({ text }) => {
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/acknowledge\/\w+/.exec(text) ?? []
      if (url !== undefined) void fetch(url)
    })
    expect(
      await runDeploymentDrill({ ...plan(), notifyPeople: true, acknowledgement: { kind: 'hook', port: 0 } }),
    ).toMatchObject({ state: 'passed', receivers: ['slack'], acknowledgedBy: 'the hook' })
    unsubscribe()
  })

  it('names an Alertmanager that Prometheus does not send to', async () => {
    expect(
      await runDeploymentDrill({
        ...plan(),
        alertmanagerUrl: environment.urls.pushgateway,
        notifyPeople: false,
        waitMs: 500,
      }),
    ).toMatchObject({ state: 'lost', hop: 'alertmanager' })
  })
})
