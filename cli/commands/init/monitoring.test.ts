import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { requireTool } from '../../../runtime/tools/index.ts'
import { readOutput } from '../../../runtime/processes/index.ts'
import { runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import { initMonitoring } from './monitoring.ts'

const folder = mkdtempSync(join(tmpdir(), 'vigil-init-monitoring-'))
const rules = join(folder, 'vigil/monitoring/alert_rules.yml')
const routes = join(folder, 'vigil/monitoring/alertmanager.yml')
let promtool = ''
let amtool = ''
let said: Said

beforeAll(async () => {
  promtool = await requireTool('promtool')
  amtool = await requireTool('amtool')
  const suites = {
    steady: { engine: 'k6', journeys: { a: 1 }, load: { ratePerSecond: 1 }, durationSeconds: 1 },
  }
  const config = {
    target: { url: 'https://shop.example' },
    journeys: './journeys.mjs',
    probes: { 'shop.v1': { journey: 'a' }, login: { journey: 'a' } },
    suites,
    pushgateway: { url: 'http://127.0.0.1:9091' },
  }
  writeFileSync(join(folder, 'vigil.config.mjs'), `export default ${JSON.stringify(config)}`)
  writeFileSync(
    join(folder, 'journeys.mjs'),
    "export default [{ name: 'a', steps: [{ name: 'a', request: () => ({ method: 'GET', path: '/' }) }] }]",
  )
  said = await runInWorld(folder, initMonitoring)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(program: string, ...args: string[]): Promise<string> {
  const limits = { env: process.env, cwd: folder, timeoutMs: 60_000, maxBytes: 1e6 }
  return readOutput(program, args, { ...limits, signal: AbortSignal.timeout(60_000) })
}

/** Series over an hour, one value a minute, and which alerts fire at its end. */
async function alertsAfterAnHour(series: Record<string, string>, expected: object[]): Promise<string> {
  const file = join(folder, 'tests.yml')
  const names = [...readFileSync(rules, 'utf8').matchAll(/alert: (\w+)/g)].map(([, name = '']) => name)
  const tests = {
    rule_files: [rules],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: names.map((alertname) => ({
          eval_time: '120m',
          alertname,
          exp_alerts: expected.filter((alert) => Reflect.get(alert, 'alertname') === alertname),
        })),
      },
    ],
  }
  writeFileSync(file, stringify(tests))
  return run(promtool, 'test', 'rules', file)
}

const labels = (probe: string): string => `{probe="${probe}",environment="e",place="p"}`
const healthy = {
  [`vigil_probe_success${labels('shop.v1')}`]: '1x130',
  [`vigil_probe_success${labels('login')}`]: '1x130',
  [`vigil_probe_valid_until_timestamp_seconds${labels('shop.v1')}`]: '1e9x130',
}

describe('vigil init --monitoring', () => {
  it('writes rules and routes that their tools accept', async () => {
    expect([said.code, said.stdout]).toEqual([
      0,
      expect.stringMatching(/^written {3}vigil\/monitoring\/alert_rules\.yml/),
    ])
    expect(await run(promtool, 'check', 'rules', rules)).toContain('SUCCESS: 8 rules found')
    expect(await run(amtool, 'check-config', routes)).toContain('2 receivers')
    const critical = await run(
      amtool,
      'config',
      'routes',
      'test',
      `--config.file=${routes}`,
      'severity=critical',
    )
    expect(critical.trim()).toBe('pages')
    const warning = await run(
      amtool,
      'config',
      'routes',
      'test',
      `--config.file=${routes}`,
      'severity=warning',
    )
    expect(warning.trim()).toBe('tickets')
  })

  it('names no other service than the config does', () => {
    expect(readFileSync(rules, 'utf8') + readFileSync(routes, 'utf8')).not.toMatch(/todo|task/i)
  })

  it('fires nothing while all is well', async () => {
    expect(await alertsAfterAnHour(healthy, [])).toContain('SUCCESS')
  })

  it.each<[string, Record<string, string>, string, string]>([
    ['VigilProbeDown', { [`vigil_probe_success${labels('login')}`]: '0x130' }, 'login', 'critical'],
    [
      'VigilProbeDegraded',
      { 'vigil_probe_outcome{probe="login",environment="e",place="p",outcome="degraded"}': '1x130' },
      'login',
      'warning',
    ],
    [
      'VigilProbeOverdue',
      { [`vigil_probe_valid_until_timestamp_seconds${labels('login')}`]: '60x130' },
      'login',
      'warning',
    ],
    ['VigilProbeMissing', { [`vigil_probe_success${labels('login')}`]: '_x130' }, 'login', 'warning'],
    [
      'VigilCertificateExpires',
      { [`vigil_probe_certificate_expiry_timestamp_seconds${labels('login')}`]: '1000000x130' },
      'login',
      'warning',
    ],
    ['VigilRunFailed', { 'vigil_run_verdict{suite="steady",verdict="fail"}': '1x130' }, 'steady', 'warning'],
    [
      'VigilRunInvalid',
      { 'vigil_run_verdict{suite="steady",verdict="invalid"}': '1x130' },
      'steady',
      'warning',
    ],
    [
      'VigilRunOverdue',
      { 'vigil_run_started_timestamp_seconds{suite="steady"}': '-700000x130' },
      'steady',
      'warning',
    ],
  ])('fires %s', async (alertname, series, _, severity) => {
    const failing = alertsAfterAnHour({ ...healthy, ...series }, [])
    // promtool prints what fired although nothing was expected.
    const output = await failing.catch((error: unknown) => (error as { stderr: string }).stderr)
    const fired = [...output.matchAll(/alertname: (\w+)|alertname="(\w+)"/g)].map(
      ([, one, two]) => one ?? two,
    )
    expect([...new Set(fired)]).toEqual([alertname])
    expect(output).toContain(`severity="${severity}"`)
  })
})
