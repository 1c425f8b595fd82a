import type { Admin } from './cluster.ts'
import type { List, Metadata, PodObject, PodSpec, TestRunObject } from './objects.ts'
import { repeat } from './repeat.ts'

/*
 * A stand-in for k6-operator 1.6: the same jobs, services, names, labels, arguments and stages as its sources
 * have (internal/controller, pkg/resources/jobs), without its image.
 */

interface JobObject {
  metadata: Metadata
  status?: { active?: number; succeeded?: number; failed?: number }
}

export function startOperator(admin: Admin): { stop: () => Promise<void> } {
  return repeat(200, async () => {
    const runs = await admin<List<TestRunObject>>('GET', '/apis/k6.io/v1alpha1/testruns')
    for (const run of runs.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined))
      await advance(admin, run)
  })
}

async function advance(admin: Admin, run: TestRunObject): Promise<void> {
  const { name } = run.metadata
  const setStage = async (stage: string): Promise<void> =>
    void (await admin('PATCH', `${pathOf(run)}/status`, { status: { stage } }))
  switch (run.status?.stage ?? '') {
    case '':
      if (run.spec.initializer?.disabled === true) return setStage('initialized')
      await createJob(admin, run, `${name}-initializer`, initializerOf(run), {})
      return setStage('initialization')
    case 'initialization': {
      const pod = (await podsOf(admin, run)).find((one) => jobOf(one) === `${name}-initializer`)
      if (pod?.status?.phase === 'Failed') return setStage('error')
      return pod?.status?.phase === 'Succeeded' ? setStage('initialized') : undefined
    }
    case 'initialized':
      for (let index = 1; index <= run.spec.parallelism; index += 1) {
        await createJob(admin, run, `${name}-${index}`, runnerOf(run, index), { runner: 'true' })
        await createService(admin, run, index)
      }
      return setStage('created')
    case 'created': {
      const runners = (await podsOf(admin, run)).filter(
        ({ metadata }) => metadata.labels?.['runner'] === 'true',
      )
      const running = runners.filter(({ status }) => status?.phase === 'Running')
      if (running.length !== run.spec.parallelism) return
      await createJob(admin, run, `${name}-starter`, await starterOf(admin, run), {})
      return setStage('started')
    }
    case 'started': {
      const query = `?labelSelector=${encodeURIComponent(`k6_cr=${name},runner=true`)}`
      const jobs = await admin<List<JobObject>>('GET', `${jobsPath(run)}${query}`)
      const ended = jobs.items.filter(({ status }) => (status?.active ?? 0) === 0)
      return ended.length === run.spec.parallelism ? setStage('stopped') : undefined
    }
    case 'stopped':
      return setStage('finished')
  }
}

const pathOf = ({ metadata }: TestRunObject): string =>
  `/apis/k6.io/v1alpha1/namespaces/${metadata.namespace}/testruns/${metadata.name}`
const jobsPath = ({ metadata }: TestRunObject): string =>
  `/apis/batch/v1/namespaces/${metadata.namespace}/jobs`
const jobOf = ({ metadata }: PodObject): string | undefined => metadata.labels?.['job-name']

async function podsOf(admin: Admin, { metadata }: TestRunObject): Promise<PodObject[]> {
  const query = `?labelSelector=${encodeURIComponent(`k6_cr=${metadata.name}`)}`
  return (await admin<List<PodObject>>('GET', `/api/v1/namespaces/${metadata.namespace}/pods${query}`)).items
}

function ownedBy({ metadata }: TestRunObject): object {
  const { name, uid } = metadata
  return {
    ownerReferences: [{ apiVersion: 'k6.io/v1alpha1', kind: 'TestRun', name, uid, controller: true }],
  }
}

/** What of a pod's spec is the container's, by k6-operator's names. */
function toPodSpec(pod: PodSpec, name: string, command: string[], run: TestRunObject): object {
  const { script } = run.spec
  const mounts =
    script.configMap === undefined ? [] : [{ name: 'k6-test-volume', mountPath: '/test', readOnly: true }]
  const volumes =
    script.configMap === undefined
      ? []
      : [{ name: 'k6-test-volume', configMap: { name: script.configMap.name } }]
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: pod['automountServiceAccountToken'] !== 'false',
    nodeSelector: pod['nodeSelector'],
    topologySpreadConstraints: pod['topologySpreadConstraints'],
    securityContext: pod['securityContext'],
    imagePullSecrets: pod['imagePullSecrets'],
    volumes: [...volumes, ...(pod.volumes ?? [])],
    containers: [
      {
        name,
        image: pod.image ?? 'grafana/k6:latest',
        command,
        env: pod.env,
        resources: pod['resources'],
        volumeMounts: [...mounts, ...(pod.volumeMounts ?? [])],
        ports: [{ containerPort: 6565 }],
        livenessProbe: pod['livenessProbe'],
        readinessProbe: pod['readinessProbe'],
        securityContext: pod['containerSecurityContext'],
      },
    ],
  }
}

async function createJob(
  admin: Admin,
  run: TestRunObject,
  name: string,
  spec: object,
  extra: Record<string, string>,
): Promise<void> {
  const labels = { app: 'k6', k6_cr: run.metadata.name, ...extra }
  await admin('POST', jobsPath(run), {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels, ...ownedBy(run) },
    spec: { backoffLimit: 0, template: { metadata: { labels }, spec } },
  })
}

async function createService(admin: Admin, run: TestRunObject, index: number): Promise<void> {
  const { name, namespace } = run.metadata
  await admin('POST', `/api/v1/namespaces/${namespace}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: `${name}-service-${index}`,
      labels: { app: 'k6', k6_cr: name, runner: 'true' },
      ...ownedBy(run),
    },
    spec: { ports: [{ name: 'http-api', port: 6565 }], selector: { 'job-name': `${name}-${index}` } },
  })
}

function scriptOf({ spec: { script } }: TestRunObject): string {
  return script.configMap === undefined ? (script.localFile ?? '') : `/test/${script.configMap.file}`
}

function runnerOf(run: TestRunObject, index: number): object {
  const { parallelism, args = [], script, runner } = run.spec
  const bound = (at: number): string => (at === 0 ? '0' : at === parallelism ? '1' : `${at}/${parallelism}`)
  const bounds = Array.from({ length: parallelism + 1 }, (_, at) => bound(at))
  const segment = [
    `--execution-segment=${bound(index - 1)}:${bound(index)}`,
    `--execution-segment-sequence=${bounds.join(',')}`,
  ]
  const k6 = ['k6', 'run', '--quiet', ...(parallelism > 1 ? segment : []), ...args, scriptOf(run)]
  const command = [...k6, '--address=0.0.0.0:6565', '--paused', '--tag', `instance_id=${index}`]
  const check = 'if [ ! -f "$1" ]; then echo "LocalFile not found exiting..."; exit 1; fi; shift; exec "$@"'
  const full =
    script.localFile === undefined ? command : ['sh', '-c', check, 'sh', script.localFile, ...command]
  return toPodSpec(runner, 'k6', full, run)
}

function initializerOf(run: TestRunObject): object {
  const pod = run.spec.initializer ?? run.spec.runner
  return toPodSpec(pod, 'k6', ['k6', 'inspect', '--execution-requirements', scriptOf(run)], run)
}

async function starterOf(admin: Admin, run: TestRunObject): Promise<object> {
  const { name, namespace } = run.metadata
  const query = `?labelSelector=${encodeURIComponent(`k6_cr=${name},runner=true`)}`
  const services = await admin<List<{ spec: { clusterIP: string } }>>(
    'GET',
    `/api/v1/namespaces/${namespace}/services${query}`,
  )
  const body = JSON.stringify({ data: { attributes: { paused: false }, id: 'default', type: 'status' } })
  const requests = services.items.map(
    ({ spec }) =>
      `curl --retry 3 -X PATCH -H 'Content-Type: application/json' http://${spec.clusterIP}:6565/v1/status ` +
      `-d '${body}' -s`,
  )
  const spec = toPodSpec(
    { image: 'ghcr.io/grafana/k6-operator:latest-starter', ...run.spec.starter },
    'k6-curl',
    ['sh', '-c', requests.join(';')],
    run,
  )
  return {
    ...spec,
    volumes: [],
    containers: Object(spec).containers.map((container: object) => ({ ...container, volumeMounts: [] })),
  }
}
