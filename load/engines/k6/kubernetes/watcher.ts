import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { KubernetesApi } from '../../../../runtime/kubernetes/index.ts'
import type { KubernetesPlan, LoadEnvironment } from '../../../engine.ts'
import type { LoadScriptPlan } from '../k6-runtime/wire.ts'
import { runTimeMs } from '../script-run.ts'
import type { EngineWorld } from '../watch.ts'
import { deleteObjects, readSnapshot } from './cluster.ts'
import { followLog, readLog } from './log.ts'
import type { LogSource } from './log.ts'
import type { LoadObjects } from './manifests.ts'
import type { Runners } from './runners.ts'
import type { Pod, Snapshot } from './snapshot.ts'
import { describeDelay, describeStage, findFailure, findPodFailure, namesOf } from './stages.ts'
import type { LoadFailure, LoadSoFar } from './stages.ts'

/** How watching a load ended. `ok`: it began; `ends`: why the summary of a runner does not count. */
export type WatchEnd =
  | { state: 'ok'; ends: Map<number, string>; isCut: boolean }
  | { state: 'unavailable'; reason: string }

const pollMs = 1000
/** After its planned end a runner may take this long to write its summary and to be seen to have ended. */
const endGraceMs = 60_000
/** How long runners that are deleted may take to write what they have counted. */
const cutGraceMs = 15_000
/** An API server that is updated is away for less. */
const silenceMs = 60_000

type Failure = LoadFailure | { kind: 'late'; reason: string }

/** Watches a load from its creation until every runner has ended, or until it can no longer succeed. */
export class RunWatcher {
  readonly #api: KubernetesApi
  readonly #objects: LoadObjects
  readonly #load: { plan: LoadScriptPlan; kubernetes: KubernetesPlan }
  readonly #runners: Runners
  readonly #environment: LoadEnvironment
  readonly #world: EngineWorld
  readonly #seen = new Set<number>()
  /** Runners of which a log is read. */
  readonly #attached = new Set<number>()
  /** Names of pods whose log is read, and the promise that it has been. */
  readonly #logs = new Map<string, Promise<void>>()
  readonly #closing = new AbortController()
  #snapshot: Snapshot | undefined
  #failedOutput = ''
  #answeredMs = 0
  #allBegunMs: number | undefined

  constructor(
    api: KubernetesApi,
    objects: LoadObjects,
    load: { plan: LoadScriptPlan; kubernetes: KubernetesPlan },
    runners: Runners,
    environment: LoadEnvironment,
    world: EngineWorld,
  ) {
    this.#api = api
    this.#objects = objects
    this.#load = load
    this.#runners = runners
    this.#environment = environment
    this.#world = world
  }

  async run(): Promise<WatchEnd> {
    const { signal } = this.#environment
    const startedMs = this.#world.monotonicMs()
    this.#answeredMs = startedMs
    let failure: Failure | undefined
    while (!signal.aborted && failure === undefined) {
      failure = (await this.#poll()) ?? this.#findDelay(startedMs)
      if (failure === undefined && this.#isOver()) break
      if (failure === undefined) await delay(pollMs, undefined, { signal }).catch(() => undefined)
    }
    const isCut = signal.aborted || failure !== undefined
    await this.#keepSnapshot()
    const pod = failure !== undefined && 'pod' in failure ? failure.pod : undefined
    if (pod !== undefined) await this.#readReason(pod)
    if (!isCut) await this.#readRest()
    else if (this.#runners.begun.size > 0) await this.#end()
    this.#closing.abort()
    return this.#toEnd(failure, isCut)
  }

  get #soFar(): LoadSoFar {
    const { begun } = this.#runners
    const { name } = this.#objects.testRun.metadata
    const { parallelism } = this.#load.kubernetes
    return { name, parallelism, seen: this.#seen, begun, reported: this.#runners.reported() }
  }

  async #poll(): Promise<Failure | undefined> {
    const { metadata } = this.#objects.testRun
    const read = await readSnapshot(this.#api, metadata)
    if (read.state === 'refused') return { kind: 'refused', reason: read.reason }
    if (read.state === 'unavailable') return undefined
    const { snapshot } = read
    this.#snapshot = snapshot
    this.#answeredMs = this.#world.monotonicMs()
    this.#attach(snapshot)
    const failure = findFailure(snapshot, this.#soFar)
    const waiting = describeStage(snapshot, this.#soFar)
    if (this.#runners.begun.size < this.#load.kubernetes.parallelism)
      this.#environment.progress({
        phase: 'prepare',
        secondsLeft: 0,
        requestsPerSecond: 0,
        p95Ms: undefined,
        errors: 0,
        waiting,
      })
    return failure
  }

  /** Begins to read the logs of runners whose container runs, or ran. */
  #attach({ pods }: Snapshot): void {
    for (const [number, pod] of this.#runnerPods(pods)) {
      this.#seen.add(number)
      if (this.#logs.has(pod.name) || pod.phase === 'Pending' || pod.phase === '') continue
      const log = followLog(
        this.#sourceOf(pod),
        (line) => this.#runners.receive(number, line),
        () => this.#hasEnded(pod.name),
        this.#closing.signal,
      )
      this.#logs.set(pod.name, log)
      this.#attached.add(number)
    }
  }

  #runnerPods(pods: readonly Pod[]): [number: number, pod: Pod][] {
    const { runner } = namesOf(this.#objects.testRun.metadata.name)
    const numbers = Array.from({ length: this.#load.kubernetes.parallelism }, (_, index) => index + 1)
    return numbers.flatMap((number) =>
      pods.filter(({ job }) => job === runner(number)).map((pod): [number, Pod] => [number, pod]),
    )
  }

  #sourceOf({ name }: Pick<Pod, 'name'>): LogSource {
    return { api: this.#api, namespace: this.#load.kubernetes.namespace, pod: name }
  }

  /** By the last snapshot: a pod that is gone has ended too. */
  #hasEnded(name: string): boolean {
    const pod = this.#snapshot?.pods.find((one) => one.name === name)
    return pod === undefined || pod.phase === 'Succeeded' || pod.phase === 'Failed'
  }

  #isOver(): boolean {
    const { parallelism } = this.#load.kubernetes
    return this.#attached.size === parallelism && [...this.#logs.keys()].every((name) => this.#hasEnded(name))
  }

  #findDelay(startedMs: number): Failure | undefined {
    const nowMs = this.#world.monotonicMs()
    const { kubernetes, plan } = this.#load
    const isSilent = nowMs - this.#answeredMs > silenceMs
    if (isSilent) return { kind: 'late', reason: describeDelay(undefined, this.#soFar, silenceMs) }
    if (this.#runners.begun.size === kubernetes.parallelism) this.#allBegunMs ??= nowMs
    if (this.#allBegunMs === undefined)
      return nowMs - startedMs > kubernetes.startMs
        ? { kind: 'refused', reason: describeDelay(this.#snapshot, this.#soFar, kubernetes.startMs) }
        : undefined
    return nowMs - this.#allBegunMs > runTimeMs(plan) + endGraceMs
      ? { kind: 'late', reason: 'it did not end within its time limit' }
      : undefined
  }

  /** What k6 wrote in a pod that failed. */
  async #readReason(name: string): Promise<void> {
    const lines: string[] = []
    const limit = AbortSignal.timeout(cutGraceMs)
    await readLog(this.#sourceOf({ name }), (line) => lines.push(line), limit)
    this.#failedOutput = this.#runners.toOutput(lines)
  }

  /** Ends what still runs, and waits a moment for what it has counted. */
  async #end(): Promise<void> {
    await deleteObjects(this.#api, this.#objects)
    const limit = AbortSignal.timeout(cutGraceMs)
    while (!limit.aborted) {
      await this.#poll()
      if ([...this.#logs.keys()].every((name) => this.#hasEnded(name))) break
      await delay(pollMs / 4, undefined, { signal: limit }).catch(() => undefined)
    }
    await this.#awaitLogs()
  }

  /** The rest of the logs; one whose result is not whole is read again as it is stored. */
  async #readRest(): Promise<void> {
    await this.#awaitLogs()
    const reported = this.#runners.reported()
    for (const [number, pod] of this.#runnerPods(this.#snapshot?.pods ?? []))
      if (!reported.has(number))
        await readLog(
          this.#sourceOf(pod),
          (line) => this.#runners.receivePart(number, line),
          AbortSignal.timeout(cutGraceMs),
        )
  }

  async #awaitLogs(): Promise<void> {
    const limit = AbortSignal.timeout(cutGraceMs)
    const over = new Promise<void>((resolve) => limit.addEventListener('abort', () => resolve()))
    await Promise.race([Promise.all(this.#logs.values()), over])
  }

  #toEnd(failure: Failure | undefined, isCut: boolean): WatchEnd {
    const { begun } = this.#runners
    const output = this.#failedOutput === '' ? '' : `: ${this.#failedOutput}`
    if (failure?.kind === 'refused' || (failure?.kind === 'late' && this.#allBegunMs === undefined))
      return { state: 'unavailable', reason: `${failure.reason}${output}` }
    if (failure?.kind === 'lost' && begun.size === 0)
      return {
        state: 'unavailable',
        reason: `runner ${failure.number} was lost before the load began: ${failure.reason}${output}`,
      }
    const ends = new Map<number, string>()
    if (failure?.kind === 'lost') ends.set(failure.number, `${failure.reason}${output}`)
    if (failure?.kind === 'late')
      for (const [index, open] of this.#open().entries()) if (open) ends.set(index + 1, failure.reason)
    // A runner that failed has no result, whatever its log says; one that vigil ended has what it counted.
    if (!isCut) for (const [number, reason] of this.#failures()) ends.set(number, reason)
    return { state: 'ok', ends, isCut }
  }

  /** Whether each runner's result has not come. */
  #open(): boolean[] {
    const { parallelism, reported } = this.#soFar
    return Array.from({ length: parallelism }, (_, index) => !reported.has(index + 1))
  }

  #failures(): [number, string][] {
    return this.#runnerPods(this.#snapshot?.pods ?? []).flatMap(([number, pod]): [number, string][] => {
      const reason = findPodFailure(pod)
      return reason === undefined ? [] : [[number, reason]]
    })
  }

  /** What the API server said last: the objects themselves are deleted. */
  async #keepSnapshot(): Promise<void> {
    const file = join(this.#environment.folder, 'kubernetes.json')
    await writeFile(file, `${JSON.stringify(this.#snapshot ?? {}, undefined, 2)}\n`)
  }
}
