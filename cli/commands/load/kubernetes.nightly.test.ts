import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { histogramOf, quantile } from '../../../record/index.ts'
import type { Run } from '../../../record/index.ts'
import { startCluster, until } from '../../../load/engines/k6/kubernetes/testing/cluster.ts'
import type { Cluster } from '../../../load/engines/k6/kubernetes/testing/cluster.ts'
import { startKubelet } from '../../../load/engines/k6/kubernetes/testing/kubelet.ts'
import type { Kubelet } from '../../../load/engines/k6/kubernetes/testing/kubelet.ts'
import { startOperator } from '../../../load/engines/k6/kubernetes/testing/operator.ts'
import { readSamples } from '../../../load/engines/k6/kubernetes/testing/samples.ts'
import { testRunDefinition } from '../../../load/engines/k6/kubernetes/testing/test-run-crd.ts'
import { startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { workplace } from '../../testing/vigil.ts'
import type { Workplace, Ran } from '../../testing/vigil.ts'

/*
 * `vigil load --kubernetes` against a real Kubernetes API server with RBAC, quotas and the job controller.
 * k6-operator, scheduler and kubelet are stand-ins, which run each pod's k6 as a process.
 */

const root = fileURLToPath(new URL('../../..', import.meta.url))
const image = `grafana/k6@sha256:${'a'.repeat(64)}`

let cluster: Cluster
let kubelet: Kubelet
let operator: { stop: () => Promise<void> } | undefined
let place: Workplace
let service: Service
/** Newly created for each test: a quota of one does not limit the next. */
let namespace: string
let count = 0

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.admin('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', testRunDefinition())
  kubelet = await startKubelet(cluster.admin, cluster.folder)
})
afterAll(async () => {
  await kubelet.stop()
  await cluster.stop()
})

beforeEach(async () => {
  count += 1
  namespace = `load-${count}`
  await cluster.admin('POST', '/api/v1/namespaces', { metadata: { name: namespace } })
  await grant(namespace)
  await until('the service account', 20_000, async () =>
    Boolean(await cluster.admin('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`)),
  )
  kubelet.damage = undefined
  kubelet.samples = undefined
  kubelet.broken = undefined
  operator = startOperator(cluster.admin)
  place = workplace()
  service = await startService((_request, response, index) => {
    response.statusCode = index % 50 === 0 ? 500 : 200
    setTimeout(() => response.end('ok'), 2 + (index % 7))
  })
})
afterEach(async () => {
  await operator?.stop()
  await service.close()
  place.remove()
})

/** The role that the project ships, for the user `loader`. */
async function grant(into: string): Promise<void> {
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${into}`
  const text = readFileSync(join(root, 'deploy/kubernetes/load/role.yaml'), 'utf8')
  for (const document of parseAllDocuments(text))
    await cluster.admin('POST', `${rbac}/roles`, document.toJS())
  await cluster.admin('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'vigil-load' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'vigil-load' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'loader' }],
  })
}

interface Loaded extends Ran {
  run: Run
}

interface LoadCase {
  parallelism?: number
  seconds?: number
  kubernetes?: object
  args?: string[]
  onStderr?: (text: string) => void
}

function configure({ seconds = 3, kubernetes }: LoadCase): void {
  place.configure({
    target: { url: service.url },
    suites: {
      browse: {
        engine: 'k6',
        journeys: { home: 1 },
        load: { ratePerSecond: 80 },
        warmupSeconds: 1,
        durationSeconds: seconds,
        budgets: { errorRate: 0.5 },
      },
    },
    kubernetes: { image, cpu: '100m', memory: '256Mi', ...kubernetes },
  })
}

async function load(given: LoadCase = {}): Promise<Loaded> {
  configure(given)
  const { parallelism = 2, args = [], onStderr } = given
  const own = ['--context', 'loader', '--namespace', namespace, '--parallelism', String(parallelism)]
  const ran = await place.vigil(['load', 'browse', '--kubernetes', ...own, ...args], {
    env: { KUBECONFIG: cluster.kubeconfig },
    ...(onStderr && { onStderr }),
  })
  process.stderr.write(
    `--- ${expect.getState().currentTestName} (exit ${ran.code})\n${ran.stderr}${ran.stdout}\n`,
  )
  return { ...ran, run: readRun() }
}

function readRun(): Run {
  const runs = join(place.folder, '.vigil', 'runs')
  const folder = join(runs, readdirSync(runs)[0] ?? '')
  return JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as Run
}

/** Everything that vigil created is gone, and all that was made of it. */
async function expectNothingLeft(): Promise<void> {
  const core = `/api/v1/namespaces/${namespace}`
  const lists = [
    `/apis/k6.io/v1alpha1/namespaces/${namespace}/testruns`,
    `/apis/batch/v1/namespaces/${namespace}/jobs`,
    `${core}/pods`,
    `${core}/secrets`,
  ]
  await until('cleaning up', 60_000, async () => {
    const found = await Promise.all(
      lists.map(async (path) => cluster.admin<{ items: object[] }>('GET', path)),
    )
    return found.every(({ items }) => items.length === 0)
  })
  const { items } = await cluster.admin<{ items: { metadata: { name: string } }[] }>(
    'GET',
    `${core}/configmaps`,
  )
  expect(items.filter(({ metadata }) => metadata.name.startsWith('vigil-'))).toEqual([])
}

describe('a load in Kubernetes', () => {
  it('by four runners has the counts and percentiles of all their samples together', async () => {
    const samples = mkdtempSync(join(tmpdir(), 'vigil-samples-'))
    kubelet.samples = samples
    const { code, run, stderr } = await load({ parallelism: 4 })
    const pooled = readSamples(samples)
    rmSync(samples, { recursive: true })
    expect(code).toBe(0)
    const endpoint = run.endpoints['home/get']
    expect(run.validity).toEqual({ valid: true, reasons: [] })
    expect(run.load).toMatchObject({ ratePerSecond: 80, shards: 4 })
    expect(endpoint?.requests).toBe(pooled.length)
    for (const [name, q] of [
      ['p50Ms', 0.5],
      ['p95Ms', 0.95],
      ['p99Ms', 0.99],
    ] as const)
      expect(Math.abs((endpoint?.latency[name] ?? 0) / quantile(histogramOf(pooled), q) - 1)).toBeLessThan(
        0.01,
      )
    expect(run.shards?.map(({ segment }) => segment)).toEqual(['0:1/4', '1/4:2/4', '2/4:3/4', '3/4:1'])
    for (const { offered, answered, failed, dropped } of run.shards ?? [])
      expect(offered).toBe(answered + failed + dropped)
    expect(stderr).toMatch(/waiting for (?:4 runners|the starter)[\s\S]*warming up[\s\S]*measuring/)
    await expectNothingLeft()
  })

  it('keeps secrets and what users saved in a Secret, out of the ConfigMap', async () => {
    place.write(
      'journeys.mjs',
      `const get = (ctx) => ({ method: 'GET', path: '/',
        headers: { 'x-token': ctx.token, 'x-key': ctx.secrets.API_KEY } })
      const login = () => ({ method: 'GET', path: '/login' })
      export default [{ name: 'home', before: [{ name: 'login', request: login,
        save: () => ({ token: 'token-of-a-user' }) }], steps: [{ name: 'get', request: get,
        check: (response) => response.text === 'ok' ? undefined : 'wrong' }] }]\n`,
    )
    const seen = new Set<string>()
    await service.close()
    service = await startService(({ headers, url }, response) => {
      if (url === '/') seen.add(`${String(headers['x-token'])} ${String(headers['x-key'])}`)
      response.end('ok')
    })
    configure({})
    const config = readFileSync(join(place.folder, 'vigil.config.mjs'), 'utf8')
    place.write(
      'vigil.config.mjs',
      config.replace('export default {', 'export default {"secrets":["API_KEY"],'),
    )
    const own = ['--context', 'loader', '--namespace', namespace, '--parallelism', '1']
    const { code, stdout } = await place.vigil(['load', 'browse', '--kubernetes', ...own], {
      env: { KUBECONFIG: cluster.kubeconfig, API_KEY: 'key-of-the-service' },
    })
    expect(stdout).toContain('PASS')
    expect([code, [...seen]]).toEqual([0, ['token-of-a-user key-of-the-service']])
    await expectNothingLeft()
  })
})

describe('an interrupt', () => {
  const interrupt = async (given: LoadCase, when: string, afterMs: number): Promise<Ran> => {
    configure(given)
    const own = ['--context', 'loader', '--namespace', namespace, '--parallelism', '2']
    const started = place.start(['load', 'browse', '--config', 'vigil.config.mjs', '--kubernetes', ...own], {
      env: { KUBECONFIG: cluster.kubeconfig },
      onStderr: (text) => {
        if (text.includes(when)) setTimeout(() => started.process.kill('SIGINT'), afterMs)
      },
    })
    return started.ran
  }

  it('ends the runners, keeps what they counted, and leaves nothing in the namespace', async () => {
    const { code, stdout } = await interrupt({ seconds: 60 }, 'measuring', 2000)
    expect(code).toBe(130)
    expect(stdout).toMatch(/interrupted after \d+\.\d s of measuring: what there is was kept/)
    const run = readRun()
    expect(run.totals.requests).toBeGreaterThan(50)
    expect(run.shards?.map(({ name }) => name)).toEqual(['shard-1', 'shard-2'])
    await expectNothingLeft()
  })

  it('before the runners have begun leaves nothing either', async () => {
    const kubernetes = { nodeSelector: { disk: 'fast' } }
    expect((await interrupt({ kubernetes }, 'waiting for 2 runners', 0)).code).toBe(130)
    await expectNothingLeft()
  })
})

describe('a load in Kubernetes is invalid, and says why', () => {
  it('when a runner is killed: with its name, and the others end', async () => {
    const { code, run } = await load({
      seconds: 60,
      parallelism: 3,
      onStderr: (text) => {
        if (text.includes('measuring')) setTimeout(() => void signalRunner(2, 'SIGKILL'), 1000)
      },
    })
    expect(code).toBe(4)
    expect(run.validity.codes).toEqual(['shards-incomplete'])
    expect(run.validity.reasons).toEqual([
      expect.stringMatching(
        /^shard-2 is missing: k6 was ended by SIGKILL: pod vigil-browse-\w+-2-\w+ on node node-1/,
      ),
    ])
    expect(run.durationMs).toBeLessThan(30_000)
    expect(run.shards?.map(({ name }) => name)).toEqual(['shard-1', 'shard-3'])
    await expectNothingLeft()
  })

  it('when a part of a result was lost', async () => {
    kubelet.damage = (job, line) =>
      job.endsWith('-1') && / part shard-1 2\/\d+ /.test(line) ? undefined : line
    const { code, run } = await load()
    expect(code).toBe(4)
    expect(run.validity.reasons).toEqual([
      expect.stringMatching(/^shard-1 is missing: its result was cut: of \d+ parts, 2 did not come$/),
    ])
  })

  it('when a part of a result was cut', async () => {
    kubelet.damage = (job, line) =>
      job.endsWith('-2') && / part shard-2 1\//.test(line) ? line.slice(0, -9) : line
    const { run } = await load()
    expect(run.validity.reasons).toEqual([
      expect.stringMatching(/^shard-2 is missing: its result was damaged/),
    ])
  })

  it('when a quota leaves no room for all runners', async () => {
    await cluster.admin('POST', `/api/v1/namespaces/${namespace}/resourcequotas`, {
      metadata: { name: 'small' },
      spec: { hard: { 'requests.memory': '600Mi' } },
    })
    await until('the quota', 20_000, async () => {
      const path = `/api/v1/namespaces/${namespace}/resourcequotas/small`
      return (await cluster.admin<{ status?: { hard?: object } }>('GET', path)).status?.hard !== undefined
    })
    const { code, run } = await load({ parallelism: 3 })
    expect([code, run.validity.reasons]).toEqual([
      4,
      [
        expect.stringMatching(
          /^job vigil-browse-\w+-\d cannot create its pod: .*exceeded quota: small.*lower --parallelism/,
        ),
      ],
    ])
    await expectNothingLeft()
  })

  it('when the image cannot be pulled', async () => {
    const { code, run } = await load({ args: ['--image', image.replace('k6@', 'missing@')] })
    expect([code, run.validity.reasons]).toEqual([
      4,
      [
        expect.stringMatching(
          /^the image of pod vigil-browse-\S+ cannot be pulled \(ImagePullBackOff: .*correct kubernetes.image/,
        ),
      ],
    ])
  })

  it('when runners stay pending', async () => {
    const { code, run } = await load({ kubernetes: { nodeSelector: { disk: 'fast' }, startMinutes: 0.1 } })
    expect([code, run.validity.reasons]).toEqual([
      4,
      [
        expect.stringMatching(
          /^2 of 2 runners are still pending after 0.1 minutes; pod \S+: Pending \(0\/1 nodes are available/,
        ),
      ],
    ])
  })

  it('when no operator works on it', async () => {
    await operator?.stop()
    const { code, run } = await load({ kubernetes: { startMinutes: 0.05 } })
    expect([code, run.validity.reasons]).toEqual([
      4,
      [expect.stringMatching(/^k6-operator did nothing with the TestRun for 0.1 minutes/)],
    ])
    await expectNothingLeft()
  })

  it('when the initializer fails', async () => {
    kubelet.broken = /-initializer$/
    const { code, run } = await load({ kubernetes: { initializer: true } })
    expect([code, run.validity.reasons]).toEqual([
      4,
      [
        expect.stringMatching(
          /^the initializer failed, .* k6 exited with 1: pod vigil-browse-\w+-initializer-\w+ on node node-1: unknown flag/,
        ),
      ],
    ])
  })

  it('when the starter fails, and when the program of the image is no k6', async () => {
    kubelet.broken = /-starter$/
    const starter = await load()
    expect(starter.run.validity.reasons).toEqual([
      expect.stringMatching(/^the starter could not reach the runners: .* pod vigil-browse-\w+-starter-\w+/),
    ])
    kubelet.broken = /-2$/
    rmSync(join(place.folder, '.vigil'), { recursive: true })
    const runner = await load()
    expect(runner.run.validity.reasons).toEqual([
      expect.stringMatching(/^runner 2 was lost before the load began: k6 exited with 1: .*: unknown flag/),
    ])
  })

  it('when a runner hangs: after its time limit, with its name', async () => {
    const { code, run } = await load({
      onStderr: (text) => {
        if (text.includes('measuring')) void signalRunner(2, 'SIGSTOP')
      },
    })
    expect([code, run.validity.reasons]).toEqual([
      4,
      ['shard-2 is missing: it did not end within its time limit'],
    ])
    await expectNothingLeft()
  })

  it('when the TestRun of the cluster is older', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/testruns.k6.io'
    const knowsArgs = async (): Promise<boolean> => {
      const body = {
        apiVersion: 'k6.io/v1alpha1',
        kind: 'TestRun',
        metadata: { name: 'x' },
        spec: { parallelism: 1, script: {}, args: ['-v'] },
      }
      const runs = `/apis/k6.io/v1alpha1/namespaces/${namespace}/testruns?dryRun=All&fieldValidation=Strict`
      return cluster.admin('POST', runs, body).then(
        () => true,
        () => false,
      )
    }
    await cluster.admin('PATCH', path, testRunDefinition(['args']))
    await until('the older TestRun', 20_000, async () => !(await knowsArgs()))
    const { code, run } = await load()
    await cluster.admin('PATCH', path, testRunDefinition())
    await until('the TestRun', 20_000, knowsArgs)
    expect([code, run.validity.reasons]).toEqual([
      4,
      [
        expect.stringMatching(
          /^the TestRun of this cluster is older: install k6-operator 1.6 or later .*spec.args/,
        ),
      ],
    ])
    await expectNothingLeft()
  })

  it('when a permission is missing: with each verb that it needs', async () => {
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/vigil-load`
    const role = await cluster.admin<{ rules: { resources: string[] }[] }>('GET', rbac)
    const rules = role.rules.filter(({ resources }) => !/events|log/.test(resources.join(' ')))
    await cluster.admin('PATCH', rbac, { rules })
    const { code, run } = await load()
    expect([code, run.validity.reasons]).toEqual([
      4,
      [
        `missing permissions in namespace ${namespace} of context loader: get pods/log, list events; ` +
          'deploy/kubernetes/load/role.yaml grants what a load needs',
      ],
    ])
  })
})

async function podsOf(pattern: RegExp): Promise<string[]> {
  const { items } = await cluster.admin<{ items: { metadata: { labels?: Record<string, string> } }[] }>(
    'GET',
    `/api/v1/namespaces/${namespace}/pods`,
  )
  return items.map(({ metadata }) => metadata.labels?.['job-name'] ?? '').filter((job) => pattern.test(job))
}

async function signalRunner(number: number, signal: NodeJS.Signals): Promise<void> {
  for (const job of await podsOf(new RegExp(`-${number}$`))) kubelet.kill(job, signal)
}
