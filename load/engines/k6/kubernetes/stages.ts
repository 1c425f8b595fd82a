import { classifyEnd } from '../ending.ts'
import type { Pod, Snapshot } from './snapshot.ts'

/*
 * What the state of a load in Kubernetes means: how far it is, and whether it can still succeed. Pure.
 */

/** The names that k6-operator gives, all from that of the load. */
export function namesOf(load: string): {
  runner: (number: number) => string
  initializer: string
  starter: string
} {
  return {
    runner: (number) => `${load}-${number}`,
    initializer: `${load}-initializer`,
    starter: `${load}-starter`,
  }
}

/** The shard that a runner makes. */
export function shardName(number: number): string {
  return `shard-${number}`
}

/** What is known of a load so far, besides the last snapshot. */
export interface LoadSoFar {
  name: string
  parallelism: number
  /** Runners that had a pod in an earlier snapshot. */
  seen: ReadonlySet<number>
  /** Runners whose script has begun. */
  begun: ReadonlySet<number>
  /** Runners whose summary came whole. */
  reported: ReadonlySet<number>
}

/** A runner by its number, with its pods: usually one. */
function podsOf({ pods }: Snapshot, load: string, number: number): Pod[] {
  const job = namesOf(load).runner(number)
  return pods.filter((pod) => pod.job === job)
}

function numbersOf(parallelism: number): number[] {
  return Array.from({ length: parallelism }, (_, index) => index + 1)
}

/** How far a load is, for the live line. */
export function describeStage(
  snapshot: Snapshot,
  { name, parallelism, begun }: LoadSoFar,
): {
  what: string
  detail: string
} {
  const { stage, pods } = snapshot
  if (stage === undefined || stage === '') return { what: 'waiting for k6-operator', detail: '' }
  if (stage === 'initialization') {
    const pod = pods.find(({ job }) => job === namesOf(name).initializer)
    return { what: 'waiting for the initializer', detail: pod === undefined ? '' : describePod(pod) }
  }
  const runners = numbersOf(parallelism).flatMap((number) => podsOf(snapshot, name, number).slice(-1))
  const running = runners.filter(({ phase }) => phase === 'Running').length
  if (running < parallelism && begun.size === 0) {
    const pending = runners.find(({ phase }) => phase === 'Pending')
    const why = pending === undefined ? '' : `; ${describePod(pending)}`
    return { what: `waiting for ${parallelism} runners`, detail: `${running} run${why}` }
  }
  return begun.size < parallelism
    ? { what: 'waiting for the starter', detail: `${begun.size} of ${parallelism} runners have begun` }
    : { what: 'loading', detail: `${parallelism} runners` }
}

/** Why a pod does not run, or how it ended. */
function describePod({ name, phase, reason, message, unschedulable, waiting, terminated }: Pod): string {
  const why =
    unschedulable ??
    (waiting === undefined ? undefined : [waiting.reason, waiting.message].filter(Boolean).join(': ')) ??
    (reason === '' ? undefined : [reason, message].filter(Boolean).join(': ')) ??
    terminated?.reason
  return `pod ${name}: ${phase || 'unknown'}${why === undefined || why === '' ? '' : ` (${why})`}`
}

/** kubelet's reasons for an image that it cannot get. It retries a pull that failed, rarely with success. */
const imageReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
])
const configReasons = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'])

/**
 * Why a load can no longer succeed, or undefined. `lost`: it may have begun without this runner, and is not
 * the load that was asked for. `pod`: its log says more.
 */
export type LoadFailure =
  | { kind: 'refused'; reason: string; pod?: string }
  | { kind: 'lost'; number: number; reason: string; pod?: string }

export function findFailure(snapshot: Snapshot, load: LoadSoFar): LoadFailure | undefined {
  return (
    findInitializerFailure(snapshot, load) ??
    findJobFailure(snapshot, load) ??
    findContainerFailure(snapshot) ??
    findLostRunner(snapshot, load) ??
    findStarterFailure(snapshot, load) ??
    findDeletion(snapshot)
  )
}

function findInitializerFailure({ stage, pods }: Snapshot, { name }: LoadSoFar): LoadFailure | undefined {
  const pod = pods.find(({ job }) => job === namesOf(name).initializer)
  if (pod?.phase === 'Failed')
    return {
      kind: 'refused',
      reason: `the initializer failed, so k6 of this image cannot read the script: ${describeExit(pod)}`,
      pod: pod.name,
    }
  if (stage !== 'error') return undefined
  return {
    kind: 'refused',
    reason:
      'k6-operator set the stage to error; its log says why: ' +
      'kubectl logs -n k6-operator-system deployment/k6-operator-controller-manager',
  }
}

function findJobFailure({ failures, pods }: Snapshot, { name }: LoadSoFar): LoadFailure | undefined {
  // A job that has its pod by now was only delayed.
  const failure = failures.find(
    ({ job }) => job.startsWith(`${name}-`) && !pods.some((pod) => pod.job === job),
  )
  if (failure === undefined) return undefined
  const { job, message } = failure
  const advice = /exceeded quota/.test(message)
    ? ': lower --parallelism or kubernetes.cpu and kubernetes.memory, or raise the quota'
    : /PodSecurity/.test(message)
      ? ': the namespace does not admit such pods'
      : ''
  return { kind: 'refused', reason: `job ${job} cannot create its pod: ${message}${advice}` }
}

function findContainerFailure({ pods }: Snapshot): LoadFailure | undefined {
  for (const pod of pods) {
    const { name, waiting } = pod
    if (waiting === undefined) continue
    const why = [waiting.reason, waiting.message].filter(Boolean).join(': ')
    if (imageReasons.has(waiting.reason))
      return {
        kind: 'refused',
        reason:
          `the image of pod ${name} cannot be pulled (${why}): ` +
          'correct kubernetes.image, or add kubernetes.imagePullSecrets',
      }
    if (configReasons.has(waiting.reason))
      return { kind: 'refused', reason: `the container of pod ${name} cannot be created (${why})` }
  }
  return undefined
}

function findLostRunner(snapshot: Snapshot, load: LoadSoFar): LoadFailure | undefined {
  for (const number of numbersOf(load.parallelism)) {
    const pods = podsOf(snapshot, load.name, number)
    for (const pod of pods) {
      const reason = findPodFailure(pod)
      if (reason !== undefined) return { kind: 'lost', number, reason, pod: pod.name }
    }
    if (load.reported.has(number)) continue
    const deleted = pods.find(({ isDeleted }) => isDeleted)
    if (deleted !== undefined) return { kind: 'lost', number, reason: `pod ${deleted.name} was deleted` }
    if (pods.length === 0 && load.seen.has(number))
      return { kind: 'lost', number, reason: `its pod is gone: ${namesOf(load.name).runner(number)}` }
  }
  return undefined
}

/** Why a runner's pod has no result, or undefined. */
export function findPodFailure(pod: Pod): string | undefined {
  if (pod.phase !== 'Failed' && pod.phase !== 'Unknown') return undefined
  const { terminated } = pod
  const isResult =
    terminated !== undefined && classifyEnd({ state: 'exited', code: terminated.exitCode }).state === 'ok'
  return isResult ? undefined : describeExit(pod)
}

function findStarterFailure(
  { pods }: Snapshot,
  { name, begun, parallelism }: LoadSoFar,
): LoadFailure | undefined {
  const starter = pods.find(({ job }) => job === namesOf(name).starter)
  if (starter?.phase !== 'Failed' || begun.size === parallelism) return undefined
  return {
    kind: 'refused',
    reason:
      'the starter could not reach the runners: check whether a network policy keeps pods of the namespace ' +
      `apart on port 6565: ${describeExit(starter)}`,
  }
}

function findDeletion({ stage }: Snapshot): LoadFailure | undefined {
  return stage === undefined
    ? { kind: 'refused', reason: 'the TestRun was deleted by someone else' }
    : undefined
}

/** How a pod's container ended, in words: `k6 was ended by SIGKILL (OOMKilled): pod x on node y`. */
function describeExit({ name, node, reason, message, terminated }: Pod): string {
  const where = `pod ${name}${node === '' ? '' : ` on node ${node}`}`
  const evicted = [reason, message].filter(Boolean).join(': ')
  if (terminated === undefined) return evicted === '' ? `${where} ended` : `${where}: ${evicted}`
  const { exitCode } = terminated
  const killed = signals[exitCode - 128]
  const ending = classifyEnd(
    killed === undefined ? { state: 'exited', code: exitCode } : { state: 'signalled', signal: killed },
  )
  const how = ending.state === 'ok' ? `k6 exited with ${exitCode}` : ending.reason
  const known = terminated.reason
  const detail = known === '' || known === 'Error' || known === 'Completed' ? '' : ` (${known})`
  return `${how}${detail}${evicted === '' ? '' : `: ${evicted}`}: ${where}`
}

/** A container that a signal ended exits with 128 and its number. */
const signals: Readonly<Record<number, NodeJS.Signals>> = {
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
}

/** What did not happen in time. */
export function describeDelay(snapshot: Snapshot | undefined, load: LoadSoFar, limitMs: number): string {
  const limit = `${Math.round(limitMs / 6000) / 10} minutes`
  if (snapshot === undefined) return `the API server did not answer for ${limit}`
  const { stage } = snapshot
  if (stage === '' || stage === undefined)
    return (
      `k6-operator did nothing with the TestRun for ${limit}: ` +
      'check whether it runs, and watches this namespace'
    )
  const pods = numbersOf(load.parallelism).map((number) => podsOf(snapshot, load.name, number).at(-1))
  const pending = pods.filter((pod) => pod !== undefined && pod.phase === 'Pending')
  const [first] = pending
  if (first !== undefined)
    return (
      `${pending.length} of ${load.parallelism} runners are still pending after ${limit}; ` +
      describePod(first)
    )
  const absent = pods.filter((pod) => pod === undefined).length
  if (absent > 0)
    return (
      `${absent} of ${load.parallelism} runners have no pod after ${limit} (stage ${stage}): ` +
      'a quota of jobs or services may stop k6-operator; its log says so'
    )
  const starter = snapshot.pods.find(({ job }) => job === namesOf(load.name).starter)
  const rest = starter === undefined ? 'no starter was created' : describePod(starter)
  return `${load.begun.size} of ${load.parallelism} runners began within ${limit} (stage ${stage}); ${rest}`
}
