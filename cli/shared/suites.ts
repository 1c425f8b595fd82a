import { configSuiteName } from './known-noise.ts'
import type { Budgets, VerdictRow } from '../../baselines/index.ts'
import type { Config, SuiteConfig } from '../../config/index.ts'
import { configSchema, suggestName } from '../../config/index.ts'
import { UsageError } from './world.ts'
import type { Engine, KubernetesPlan } from '../../load/index.ts'
import type { Session } from './session.ts'

/** A suite to run, with the changes of the command line. */
export interface SuitePlan {
  name: string
  suite: SuiteConfig
  budgets: Budgets
  /** Processes that make the load together; missing: one. */
  shards?: number
  /** Where in Kubernetes it is made; missing: on this machine. */
  kubernetes?: KubernetesPlan
}

/** Changes of a suite by the command line. */
export interface SuiteChanges {
  engine?: SuiteConfig['engine']
  rate?: number
  connections?: number
  duration?: number
  shards?: number
  kubernetes?: boolean
  context?: string
  namespace?: string
  parallelism?: number
  image?: string
}

/** The suite of that name, or the config's first, with the changes of the command line. */
export function planSuite(config: Config, name: string | undefined, changes: SuiteChanges): SuitePlan {
  const names = Object.keys(config.suites)
  const chosen = name ?? names[0]
  const suite = chosen === undefined ? undefined : config.suites[chosen]
  if (chosen === undefined)
    throw new UsageError('suites: found none, expected at least one suite in the config')
  if (!suite)
    throw new UsageError(`suite ${JSON.stringify(chosen)} is not in the config${suggestName(chosen, names)}`)
  const changed = {
    ...suite,
    ...engineAndLoad(chosen, suite, changes),
    ...(changes.duration !== undefined && { durationSeconds: changes.duration }),
  }
  return {
    name: chosen,
    suite: changed,
    budgets: suite.budgets ?? config.budgets ?? {},
    ...toShards(chosen, changed, changes.shards),
    ...toKubernetes(chosen, changed, config, changes),
  }
}

const kubernetesOptions = ['context', 'namespace', 'parallelism', 'image'] as const
const namespacePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** Where in Kubernetes a suite is to be made. Nothing is taken from kubectl's current context. */
function toKubernetes(
  name: string,
  suite: SuiteConfig,
  config: Config,
  changes: SuiteChanges,
): Pick<SuitePlan, 'kubernetes' | 'shards'> {
  if (changes.kubernetes !== true) {
    const given = kubernetesOptions.find((option) => changes[option] !== undefined)
    if (given !== undefined) throw new UsageError(`--${given} goes with --kubernetes`)
    return {}
  }
  const { context, namespace, parallelism } = changes
  if (context === undefined || namespace === undefined || parallelism === undefined)
    throw new UsageError(
      '--kubernetes needs --context, --namespace and --parallelism: ' +
        "it never loads from whatever kubectl's current context is",
    )
  if (!namespacePattern.test(namespace))
    throw new UsageError(`--namespace: found ${JSON.stringify(namespace)}, expected the name of a namespace`)
  if (changes.shards !== undefined)
    throw new UsageError('--shards divides a load on this machine: --kubernetes has --parallelism')
  if (suite.script !== undefined || suite.engine !== 'k6')
    throw new UsageError(
      `suite ${name} is ${suite.script === undefined ? `loaded by ${suite.engine}` : 'a k6 script'}: ` +
        '--kubernetes needs a suite of journeys, loaded by k6',
    )
  const {
    cpu = '1',
    memory = '1Gi',
    initializer = false,
    startMinutes = 5,
    ...rest
  } = config.kubernetes ?? {}
  const image = findImage(changes.image ?? rest.image)
  const kubernetes = { ...rest, context, namespace, parallelism, image, cpu, memory, initializer }
  return { kubernetes: { ...kubernetes, startMs: startMinutes * 60_000 }, shards: parallelism }
}

function findImage(image: string | undefined): string {
  if (image === undefined)
    throw new UsageError(
      '--kubernetes needs the image of k6: set kubernetes.image in the config, ' +
        'or give --image grafana/k6@sha256:…',
    )
  const problem = configSchema.shape.kubernetes.safeParse({ image }).error?.issues[0]?.message
  if (problem !== undefined) throw new UsageError(`--image: found ${JSON.stringify(image)}, ${problem}`)
  return image
}

/** One shard is the usual load. */
function toShards(name: string, suite: SuiteConfig, shards = 1): { shards?: number } {
  if (shards === 1) return {}
  if (suite.script !== undefined)
    throw new UsageError(
      `suite ${name} is a k6 script, which cannot be divided: --shards needs a suite of journeys`,
    )
  if ('connections' in suite.load && suite.load.connections < shards)
    throw new UsageError(
      `suite ${name} has ${suite.load.connections} connections: ` +
        `--shards ${shards} needs one for each process`,
    )
  return { shards }
}

/** The owner and the claim of each suite that failed or is open, where the config has them. */
export function describeFailedSuites(config: Config, rows: readonly VerdictRow[]): string[] {
  const names = new Set(
    rows
      .filter(({ status }) => status === 'fail' || status === 'inconclusive' || status === 'invalid')
      .map(({ suite }) => configSuiteName(suite ?? '')),
  )
  return Object.entries(config.suites).flatMap(([name, { owner, claim }]) => {
    const facts = [
      ...(claim === undefined ? [] : [`its claim: ${claim}`]),
      ...(owner === undefined ? [] : [`its owner: ${owner}`]),
    ]
    return names.has(name) && facts.length > 0 ? [`suite ${name}: ${facts.join('; ')}`] : []
  })
}

/** A user's script decides its load itself: a record must not state another one. */
function refuseScriptChanges(name: string, { rate, connections, duration }: SuiteChanges): void {
  const given = Object.entries({ rate, connections, duration }).filter(([, value]) => value !== undefined)
  if (given.length === 0) return
  throw new UsageError(
    `suite ${name} is a k6 script, which sets its own load and duration: ` +
      `${given.map(([option]) => `--${option}`).join(' and ')} cannot change them; edit its options`,
  )
}

// Engine and load belong together: k6 starts journeys at a rate, autocannon keeps connections busy.
function engineAndLoad(
  name: string,
  suite: SuiteConfig,
  changes: SuiteChanges,
): Pick<SuiteConfig, 'engine' | 'load'> {
  const engine = changes.engine ?? suite.engine
  if (suite.script !== undefined && engine !== 'k6')
    throw new UsageError(`suite ${name} is a k6 script: --engine ${engine} cannot run it`)
  if (suite.script !== undefined) refuseScriptChanges(name, changes)
  if (engine === 'k6') {
    if (changes.connections !== undefined)
      throw new UsageError(
        `suite ${name} is loaded by k6, at a rate: --connections goes with --engine autocannon`,
      )
    const rate = changes.rate ?? ('ratePerSecond' in suite.load ? suite.load.ratePerSecond : undefined)
    if (rate === undefined)
      throw new UsageError(`suite ${name} has no rate: --engine k6 needs --rate (journeys per second)`)
    return { engine, load: { ratePerSecond: rate } }
  }
  if (changes.rate !== undefined)
    throw new UsageError(
      `suite ${name} is loaded by autocannon, by connections: --rate goes with --engine k6`,
    )
  const connections =
    changes.connections ?? ('connections' in suite.load ? suite.load.connections : undefined)
  if (connections === undefined)
    throw new UsageError(`suite ${name} has no connections: --engine autocannon needs --connections`)
  return { engine, load: { connections } }
}

/** An engine ready to load, labelled with its version, or why it is missing. */
export type FoundEngine =
  | { state: 'ok'; engine: Engine; label: string }
  | { state: 'missing'; reason: string }

/** Engines are imported when they are used: each loads its own libraries. */
export async function findEngine(name: SuiteConfig['engine'], session: Session): Promise<FoundEngine> {
  if (name === 'k6') {
    const k6 = await findK6(session)
    if (k6.state === 'missing') return k6
    const { createK6Engine } = await import('../../load/engines/k6/index.ts')
    session.progress.phase(`${k6.label}: ${k6.path} (${k6.origin})`)
    return { state: 'ok', engine: createK6Engine(k6.path), label: k6.label }
  }
  const { autocannonEngine, autocannonVersion } = await import('../../load/engines/autocannon/index.ts')
  return { state: 'ok', engine: autocannonEngine(), label: `autocannon ${autocannonVersion}` }
}

/**
 * k6 in the runners of Kubernetes. Its label names the image, so that a run is compared with none of other
 * generators.
 */
export async function findRunners(kubernetes: KubernetesPlan, session: Session): Promise<FoundEngine> {
  const { world, progress } = session
  const k6 = await findK6(session)
  if (k6.state === 'missing') return k6
  const { lookForTool } = await import('../../runtime/tools/index.ts')
  const context = { env: world.env, progress: progress.phase, signal: world.interrupted }
  const kubectl = await lookForTool('kubectl', context)
  if (kubectl !== undefined) requireNamedTool(kubectl)
  if (kubectl?.state !== 'ok')
    return {
      state: 'missing',
      reason:
        'kubectl is not on this machine: install it (https://kubernetes.io/releases/download/), ' +
        'or point VIGIL_KUBECTL to it',
    }
  await requireContext(kubernetes, kubectl.path, session)
  const { createKubernetesEngine } = await import('../../load/engines/k6/index.ts')
  const [image = '', digest = ''] = kubernetes.image.split('@sha256:')
  return {
    state: 'ok',
    engine: createKubernetesEngine(k6.path, kubectl.path),
    label: `k6 in Kubernetes (${kubernetes.parallelism} runners of ${image}@${digest.slice(0, 12)})`,
  }
}

/** A context that kubectl does not know is a usage error, like a suite that the config does not have. */
async function requireContext(
  { context }: KubernetesPlan,
  kubectl: string,
  { world }: Session,
): Promise<void> {
  const { listContexts } = await import('../../runtime/kubernetes/index.ts')
  const listed = await listContexts({ kubectl, env: world.env, signal: world.interrupted })
  if (listed.state === 'failed') throw new UsageError(`kubectl's config cannot be read: ${listed.reason}`)
  if (!listed.names.includes(context))
    throw new UsageError(
      `--context ${JSON.stringify(context)} is not in kubectl's config${suggestName(context, listed.names)}`,
    )
}

export interface K6 {
  path: string
  /** With its version. */
  label: string
  /** Where it was found. */
  origin: string
}

export async function findK6({
  world,
  progress,
}: Session): Promise<({ state: 'ok' } & K6) | { state: 'missing'; reason: string }> {
  const { findTool } = await import('../../runtime/tools/index.ts')
  const tool = await findTool('k6', {
    env: world.env,
    progress: progress.phase,
    signal: world.interrupted,
  })
  requireNamedTool(tool)
  return tool.state === 'missing'
    ? { state: 'missing', reason: `${tool.reason}: ${tool.whatToDo}` }
    : { state: 'ok', path: tool.path, label: `k6 ${tool.version}`, origin: tool.origin }
}

/** A tool that its variable names and that is not there is a usage error, like a wrong path in the config. */
export function requireNamedTool(
  tool: { state: 'ok' } | { state: 'missing'; reason: string; whatToDo: string; variable?: string },
): void {
  if (tool.state === 'missing' && tool.variable !== undefined)
    throw new UsageError(`${tool.reason}: ${tool.whatToDo}`)
}
