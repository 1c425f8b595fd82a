import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
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

/**
 * The usual clock, and slower ones for a machine on which drills say of themselves that it is too slow: its
 * scrapes time out, so that alerts are lost or fire twice whatever the configuration is.
 */
const speeds = [60, 30, 15] as const
type Speed = (typeof speeds)[number]

/**
 * On the usual clock, limits above the usual times, but not by much, because the lost alerts take the full
 * time. On a slower one, those of production.
 */
const limit = (drill: Drill, speed: Speed): Drill =>
  speed === 60 ? { ...drill, limits: { trueMs: 60_000, firesMs: 60_000, deliverMs: 30_000 } } : drill

let speed: Speed = 60
let environment: DrillEnvironment
let report: DrillsReport

async function startEnvironment(): Promise<DrillEnvironment> {
  const paths = await Promise.all(
    stackToolNames.map(async (name) => [name, await requireTool(name)] as const),
  )
  const started = await startDrillEnvironment({
    monitoring: join(root, 'monitoring'),
    folder: join(folder, `speed-${speed}`),
    speed,
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
  return started.environment
}

/** The step at which each alert is lost. */
const expectedEnds: Record<string, string> = {
  DatabaseConnectionsHigh: 'passed',
  NewRegistrations: 'passed',
  DiskSpaceLow: 'receiver',
  AuthenticationFailuresHigh: 'receiver',
  APISlow: 'rule',
  APIUnavailable: 'pending',
}

const listEnds = ({ results }: DrillsReport): Record<string, string> =>
  Object.fromEntries(results.map(({ alert, state, hop }) => [alert, hop ?? state]))

async function drill(): Promise<DrillsReport> {
  return runDrills({
    drills: drills.filter(({ alert }) => alert in expectedEnds).map((one) => limit(one, speed)),
    environment,
    speed,
    unique: Date.now().toString(36),
    now: Date.now,
    signal,
    reportStep: () => undefined,
    reportResult: () => undefined,
  })
}

beforeAll(async () => {
  for (speed of speeds) {
    await environment?.stop()
    environment = await startEnvironment()
    report = await drill()
    if (report.problems.length === 0 || isDeepStrictEqual(listEnds(report), expectedEnds)) break
  }
}, 600_000)

afterAll(async () => {
  await environment?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const result = (alert: string): Partial<DrillResult> =>
  report.results.find((each) => each.alert === alert) ?? {}

describe('drills of a configuration with five errors', () => {
  it('end where the errors are', () => {
    expect(listEnds(report), report.problems.join('; ')).toEqual(expectedEnds)
    expect(environment.unexpectedExits).toEqual([])
  })

  it('follow an alert until it is resolved, and everyone knows', () => {
    const { messages = [], why, ...whole } = result('DatabaseConnectionsHigh')
    expect(why).toBeUndefined()
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
    const { state, hop, why = '' } = result('APISlow')
    expect([state, hop, why]).toEqual(['failed', 'rule', expect.stringContaining('its rule expects > 100')])
    // Above production's threshold of 1 s: the fault was there, and the rule was wrong.
    const [, value] = /APISlow was never true within .* is (\d+\.\d+), its rule expects > 100/.exec(why) ?? []
    expect(Number(value), why).toBeGreaterThan(1)
  })

  it("name a 'for' that is too long", () => {
    expect(result('APIUnavailable')).toMatchObject({
      state: 'failed',
      hop: 'pending',
      why: expect.stringContaining(`its 'for' is ${3600 / speed} s on the drill's clock`),
    })
  })
})

describe('a drill of a deployment', () => {
  const plan = () => ({
    prometheusUrl: environment.urls.prometheus,
    alertmanagerUrl: environment.urls.alertmanager,
    severity: 'medium',
    id: `drill${Date.now()}`,
    waitMs: 60_000,
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
