import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Verdict } from '../baselines/index.ts'
import type { Run, ProbesReport } from '../record/index.ts'
import { startGateway } from '../runtime/pushgateway/testing/gateway.ts'
import type { Gateway } from '../runtime/pushgateway/testing/gateway.ts'
import { freePort } from './testing/service.ts'
import { workplace } from './testing/vigil.ts'

/*
 * The main job on the service that vigil is developed against, with this repository's own config: only its
 * ports, its durations and the limits that a busy machine would break are others.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const place = workplace()
let pushgateway: Gateway

beforeAll(async () => {
  pushgateway = await startGateway()
  const port = await freePort()
  const env =
    `{ ...config.target.env, PORT: '${port}', EMBEDDED_POSTGRES_DIR: ` +
    `${JSON.stringify(join(place.folder, 'postgres'))} }`
  place.write(
    'todo.config.ts',
    `import config from ${JSON.stringify(join(root, 'vigil.config.ts'))}
const suites = Object.fromEntries(
  Object.entries(config.suites).map(([name, suite]) => [name, { ...suite, warmupSeconds: 1 }]),
)
export default {
  ...config,
  suites,
  journeys: ${JSON.stringify(join(root, 'journeys/todo/journeys.ts'))},
  pushgateway: { url: ${JSON.stringify(pushgateway.url)} },
  budgets: { ...config.budgets, p95Ms: 5000, meanMs: 2000, errorRate: 0.02, requestsPerMinute: 60 },
  target: {
    ...config.target,
    url: 'http://127.0.0.1:${port}',
    command: ${JSON.stringify([process.execPath, join(root, 'backend/main.ts')])},
    env: ${env},
  },
}
`,
  )
})
afterAll(async () => {
  await pushgateway.stop()
  place.remove()
})

describe('the todo API', () => {
  it('is probed: health, the way of an account, the way of a task', async () => {
    const { code, stdout, stderr } = await place.vigil([
      'probe',
      'health',
      'auth-flow',
      'task-crud',
      '--json',
      '--config',
      'todo.config.ts',
    ])
    const { probes } = JSON.parse(stdout) as ProbesReport
    expect(
      probes.map(({ name, outcome, steps }) => [
        name,
        outcome === 'up' || outcome === 'degraded',
        steps.map(({ step }) => step),
      ]),
      stderr,
    ).toEqual([
      ['health', true, ['health']],
      ['auth-flow', true, ['register', 'login', 'me', 'refresh', 'remove']],
      ['task-crud', true, ['create', 'read', 'list', 'update', 'complete', 'delete']],
    ])
    expect(code).toBe(0)
  })

  it(
    'passes its gate, by k6 and by autocannon, with its own side in the records and its figures on a ' +
      'Pushgateway',
    async () => {
      const { code, stdout, stderr } = await place.vigil([
        'gate',
        '--json',
        '--duration',
        '4',
        '--require-push',
        '--config',
        'todo.config.ts',
      ])
      const verdict = JSON.parse(stdout) as Verdict
      expect(
        verdict.rows.filter(({ status }) => status !== 'pass'),
        stderr,
      ).toEqual([])
      expect([verdict.verdict, code]).toEqual(['pass', 0])
      const runs = join(place.folder, '.vigil', 'runs')
      const records = readdirSync(runs).map(
        (id) => JSON.parse(readFileSync(join(runs, id, 'record.json'), 'utf8')) as Run,
      )
      const loads = records.filter(({ engine }) => engine !== 'probe')
      expect(loads.map(({ engine }) => engine).toSorted()).toEqual(['autocannon', 'k6'])
      const steps = ['complete', 'create', 'delete', 'list', 'read', 'update'].map(
        (step) => `task-crud/${step}`,
      )
      for (const { endpoints, server, engine } of loads) {
        expect(Object.keys(endpoints), engine).toEqual(expect.arrayContaining(steps))
        for (const fact of [
          'cpuMsPerRequest',
          'rssMaxBytes',
          'eventLoopP99Ms',
          'dbMsPerRequest',
          'statementsPerRequest',
        ] as const)
          expect(server?.[fact], `${engine} ${fact}`).toBeGreaterThan(0)
      }
      const pushed = await (await fetch(`${pushgateway.url}/metrics`)).text()
      for (const suite of ['browse', 'capacity'])
        expect(pushed).toMatch(
          new RegExp(`vigil_run_verdict\\{[^}]*suite="${suite}"[^}]*verdict="pass"[^}]*\\} 1`),
        )
    },
  )
})
