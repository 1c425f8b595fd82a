import type { KubernetesApi } from '../../../../runtime/kubernetes/index.ts'
import type { LoadObjects, ScriptObject } from './manifests.ts'
import { readJobFailures, readPods, readStage } from './snapshot.ts'
import type { Snapshot } from './snapshot.ts'

/* The requests of one load to the API server. */

/** Paths that are asked for: kubectl's proxy passes on no others. */
export function pathsIn(namespace: string): string[] {
  return [
    '^/apis/authorization.k8s.io/v1/selfsubjectaccessreviews$',
    `^/api/v1/namespaces/${namespace}(/(configmaps|secrets|pods|events)(/.*)?)?$`,
    `^/apis/k6.io/v1alpha1/namespaces/${namespace}/testruns(/.*)?$`,
  ]
}

function scriptPath({ kind, metadata: { namespace } }: ScriptObject): string {
  return `/api/v1/namespaces/${namespace}/${kind === 'ConfigMap' ? 'configmaps' : 'secrets'}`
}

function testRunPath(namespace: string): string {
  return `/apis/k6.io/v1alpha1/namespaces/${namespace}/testruns`
}

/** Creates the objects of a load. Returns why they could not be, or undefined. */
export async function createObjects(
  api: KubernetesApi,
  { script, testRun }: LoadObjects,
): Promise<string | undefined> {
  const { namespace, name } = testRun.metadata
  const created = await api.call('POST', scriptPath(script), script)
  if (created.state === 'unavailable') return `the API server cannot be reached: ${created.reason}`
  if (created.state === 'refused')
    return created.status === 404
      ? `namespace ${namespace} does not exist: create it, or correct --namespace`
      : `${script.kind} ${name} cannot be created: ${created.message}`
  // Without it, an API server drops fields that an older k6-operator does not know, and the load is another.
  const started = await api.call('POST', `${testRunPath(namespace)}?fieldValidation=Strict`, testRun)
  if (started.state === 'ok') return undefined
  if (started.state === 'unavailable') return `the API server cannot be reached: ${started.reason}`
  if (started.status === 404)
    return 'this cluster knows no TestRun (k6.io/v1alpha1): install k6-operator 1.6 or later (docs/scale.md)'
  return /unknown field/.test(started.message)
    ? `the TestRun of this cluster is older: install k6-operator 1.6 or later (${started.message})`
    : `TestRun ${name} cannot be created: ${started.message}`
}

/** Deletes the objects of a load, and with the TestRun all that was made of it; what could not be deleted. */
export async function deleteObjects(api: KubernetesApi, { script, testRun }: LoadObjects): Promise<string[]> {
  const { namespace, name } = testRun.metadata
  const targets = [
    { kind: 'testrun', path: `${testRunPath(namespace)}/${name}` },
    { kind: script.kind.toLowerCase(), path: `${scriptPath(script)}/${name}` },
  ]
  const answers = await Promise.all(
    targets.map(async ({ kind, path }) => ({
      kind,
      answer: await api.call('DELETE', path, { propagationPolicy: 'Background' }),
    })),
  )
  return answers.flatMap(({ kind, answer }) => {
    if (answer.state === 'ok' || (answer.state === 'refused' && answer.status === 404)) return []
    const why = answer.state === 'refused' ? answer.message : answer.reason
    return [
      `${kind} ${name} was left in namespace ${namespace} (${why}): ` +
        `kubectl delete -n ${namespace} ${kind} ${name}`,
    ]
  })
}

/**
 * What the API server says of a load now; `unavailable` when it does not answer in full, which may be over
 * the next time.
 */
export async function readSnapshot(
  api: KubernetesApi,
  { namespace, name }: { namespace: string; name: string },
): Promise<
  { state: 'ok'; snapshot: Snapshot } | { state: 'unavailable' } | { state: 'refused'; reason: string }
> {
  const core = `/api/v1/namespaces/${namespace}`
  const [testRun, pods, events] = await Promise.all([
    api.call('GET', `${testRunPath(namespace)}/${name}`),
    api.call('GET', `${core}/pods?labelSelector=${encodeURIComponent(`k6_cr=${name}`)}`),
    api.call(
      'GET',
      `${core}/events?fieldSelector=${encodeURIComponent('involvedObject.kind=Job,reason=FailedCreate')}`,
    ),
  ])
  const forbidden = [testRun, pods, events].find(
    (answer) => answer.state === 'refused' && answer.status === 403,
  )
  if (forbidden?.state === 'refused')
    return { state: 'refused', reason: `a permission was withdrawn: ${forbidden.message}` }
  const isGone = testRun.state === 'refused' && testRun.status === 404
  if (pods.state !== 'ok' || events.state !== 'ok' || (testRun.state !== 'ok' && !isGone))
    return { state: 'unavailable' }
  const [readable, failures] = [readPods(pods.value), readJobFailures(events.value)]
  const stage = testRun.state === 'ok' ? readStage(testRun.value) : undefined
  if (readable === undefined || failures === undefined || (testRun.state === 'ok' && stage === undefined))
    return { state: 'unavailable' }
  return { state: 'ok', snapshot: { stage, pods: readable, failures } }
}
