import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '../../../../runtime/kubernetes/index.ts'
import type { KubernetesApi } from '../../../../runtime/kubernetes/index.ts'
import type { KubernetesPlan, LoadEnvironment, LoadResult } from '../../../engine.ts'
import { divideLoad } from '../../../shards/shards.ts'
import { shardFormat } from '../k6-runtime/metrics.ts'
import type { LoadScriptPlan } from '../k6-runtime/wire.ts'
import { archiveScript } from '../script-run.ts'
import type { ScriptRun } from '../script-run.ts'
import { digestPlan, mergeShards } from '../shards-merge.ts'
import type { EngineWorld } from '../watch.ts'
import { createObjects, deleteObjects, pathsIn } from './cluster.ts'
import { buildObjects, findSizeProblem } from './manifests.ts'
import type { LoadObjects } from './manifests.ts'
import { findMissingPermissions } from './permissions.ts'
import { Runners } from './runners.ts'
import { RunWatcher } from './watcher.ts'

/** A load that runners in Kubernetes make. */
export interface KubernetesLoad {
  script: ScriptRun & { plan: LoadScriptPlan }
  kubernetes: KubernetesPlan
  /** Names the load in Kubernetes. */
  suite: string
}

/** Our script in the runners of k6-operator, each with its segment of the arrivals. */
export async function loadOnKubernetes(
  path: string,
  { script, kubernetes, suite }: KubernetesLoad,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const { folder, signal } = environment
  const { parallelism, namespace, context } = kubernetes
  const { kubectl } = world
  if (kubectl === undefined) return { state: 'unavailable', reason: 'a load in Kubernetes needs kubectl' }
  const divided = { run: script.plan.target.run, plan: digestPlan(script.plan), format: shardFormat }
  const manifest = divideLoad(divided, parallelism)
  await writeFile(join(folder, 'shards.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const plan = { ...script.plan, runners: { of: parallelism, plan: manifest.plan } }
  const archive = await archiveScript({ ...script, plan }, { path, folder, env: world.env })
  if (archive.state === 'usage-error') return { ...archive, reason: `${script.module}: ${archive.reason}` }
  const tooLarge = findSizeProblem(archive)
  if (tooLarge !== undefined) return { state: 'usage-error', reason: `${script.module}: ${tooLarge}` }
  const objects = buildObjects(kubernetes, {
    name: nameLoad(suite),
    run: plan.target.run,
    archive,
    isSecret: plan.contextsFile !== undefined,
    secrets: script.secrets ?? {},
  })
  const secretNames = new Set(plan.secrets)
  const env = Object.fromEntries(Object.entries(world.env).filter(([name]) => !secretNames.has(name)))
  const connection = await connect({ kubectl, context, env, signal, paths: pathsIn(namespace) })
  if (connection.state === 'unavailable') return connection
  const runners = new Runners(plan, manifest, environment, world)
  const { api } = connection
  try {
    const refusal = await findRefusal(api, kubernetes, objects)
    if (refusal !== undefined) return { state: 'unavailable', reason: refusal }
    const load = { script: { ...script, plan }, manifest, kubernetes, objects }
    return await withObjects(api, objects, async () => watchLoad(api, load, runners, environment, world))
  } finally {
    runners.stop()
    await connection.close()
  }
}

/** What Kubernetes takes as the name of everything that a load is made of, and what says whose it is. */
function nameLoad(suite: string): string {
  const readable = suite
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 20)
    .replaceAll(/^-+|-+$/g, '')
  return ['vigil', readable, randomBytes(4).toString('hex')].filter(Boolean).join('-')
}

/** Why a load cannot begin, before anything is created. */
async function findRefusal(
  api: KubernetesApi,
  { context, namespace }: KubernetesPlan,
  { script }: LoadObjects,
): Promise<string | undefined> {
  const kind = script.kind === 'ConfigMap' ? 'configmaps' : 'secrets'
  const found = await findMissingPermissions(api, namespace, kind)
  if (found.state === 'unavailable')
    return `the API server of context ${context} cannot be asked: ${found.reason}`
  return found.missing.length === 0
    ? undefined
    : `missing permissions in namespace ${namespace} of context ${context}: ${found.missing.join(', ')}; ` +
        'deploy/kubernetes/load/role.yaml grants what a load needs'
}

/** Creates the objects of a load, and deletes them whatever comes of it. */
async function withObjects(
  api: KubernetesApi,
  objects: LoadObjects,
  use: () => Promise<LoadResult>,
): Promise<LoadResult> {
  let result: LoadResult
  let left: string[]
  try {
    const problem = await createObjects(api, objects)
    result = problem === undefined ? await use() : { state: 'unavailable', reason: problem }
  } finally {
    left = await deleteObjects(api, objects)
  }
  if (left.length === 0) return result
  if (result.state === 'unavailable') return { ...result, reason: [result.reason, ...left].join('; ') }
  if (result.state !== 'ok') return result
  const notes = [...(result.measurement.notes ?? []), ...left]
  return { ...result, measurement: { ...result.measurement, notes } }
}

interface WatchedLoad {
  script: KubernetesLoad['script']
  manifest: ReturnType<typeof divideLoad>
  kubernetes: KubernetesPlan
  objects: LoadObjects
}

async function watchLoad(
  api: KubernetesApi,
  { script, manifest, kubernetes, objects }: WatchedLoad,
  runners: Runners,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const { plan, module } = script
  const watcher = new RunWatcher(api, objects, { plan, kubernetes }, runners, environment, world)
  const end = await watcher.run()
  runners.stop()
  const { messages, begins, problems } = runners
  const interrupted = environment.signal.aborted
  const usageError = messages.usageError()
  if (usageError !== undefined && !interrupted)
    return { state: 'usage-error', reason: `${module}: ${usageError}` }
  if (end.state === 'unavailable' && !interrupted) return end
  const { ends, isCut } = end.state === 'unavailable' ? { ends: new Map<number, string>(), isCut: true } : end
  const reports = runners.reports(ends)
  const observations = runners.observations()
  return mergeShards({
    plan,
    manifest,
    reports,
    begins,
    messages,
    problems,
    observations,
    isCut,
    interrupted,
  })
}
