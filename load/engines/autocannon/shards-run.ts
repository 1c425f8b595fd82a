import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadEnvironment, LoadProgress, LoadResult, Measurement } from '../../engine.ts'
import {
  addAccounts,
  collectReports,
  describeShards,
  divideLoad,
  findAccountProblem,
  findBeginProblems,
  findSkew,
} from '../../shards/shards.ts'
import type { ShardBegin, ShardManifest, ShardReport } from '../../shards/shards.ts'
import { saturationReasons } from '../../generator/saturation.ts'
import { runLoadProcess } from './load-process.ts'
import type { LaunchOptions, LoadProcessPlan, ProcessEnd } from './load-process.ts'
import { shardFormat } from './messages.ts'
import type { ProcessResult } from './messages.ts'
import { mergeResults, toRequestAccount } from './shards-merge.ts'
import type { MergedShard, SharedResult } from './shards-merge.ts'

/** Several processes, each with its share of the connections, that begin together. */
export async function loadShards(
  plan: LoadProcessPlan,
  count: number,
  environment: LoadEnvironment,
  launch: LaunchOptions,
  toMeasurement: (result: ProcessResult, interrupted: boolean) => Measurement,
): Promise<LoadResult> {
  const { folder, signal } = environment
  const { contexts: _contexts, secrets: _secrets, ...digested } = plan
  const digest = createHash('sha256').update(JSON.stringify(digested)).digest('hex').slice(0, 16)
  const manifest = divideLoad({ run: plan.run, plan: digest, format: shardFormat }, count)
  await writeFile(join(folder, 'shards.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const shares = manifest.shards.map((shard, index) => toShare(plan, manifest, shard.name, index))
  const processes = new Processes(manifest, environment)
  const ends = await Promise.all(
    shares.map(async (share, index) => {
      const own = join(folder, manifest.shards[index]?.name ?? '')
      await mkdir(own, { recursive: true })
      const surroundings = {
        folder: own,
        signal: AbortSignal.any([signal, processes.lost]),
        progress: (progress: LoadProgress) => processes.progress(index, progress),
        measuring: (edge: 'begin' | 'end') => processes.measuring(index, edge),
      }
      const end = await runLoadProcess(share, surroundings, launch, processes.release)
      processes.end(end)
      return end
    }),
  )
  const isCut = signal.aborted || processes.lost.aborted
  return toResult(
    { manifest, shares, ends, begins: processes.begins, isCut, interrupted: signal.aborted },
    toMeasurement,
  )
}

/** The first connections go to the first process, and so on: each has its own users. */
function toShare(
  plan: LoadProcessPlan,
  manifest: ShardManifest,
  name: string,
  index: number,
): LoadProcessPlan {
  const of = manifest.shards.length
  const bound = (at: number): number => Math.floor((plan.connections * at) / of)
  return {
    ...plan,
    firstUser: bound(index),
    connections: bound(index + 1) - bound(index),
    shard: { name, index, of, plan: manifest.plan, format: manifest.format },
  }
}

/** The processes of one load as they run. When one is lost the others are ended. */
class Processes {
  readonly begins: ShardBegin[] = []
  readonly release: { onReady: () => void; released: Promise<void> }
  readonly #manifest: ShardManifest
  readonly #environment: LoadEnvironment
  readonly #lost = new AbortController()
  readonly #latest = new Map<number, LoadProgress>()
  readonly #open = new Set<number>()
  #isMeasuring = false

  constructor(manifest: ShardManifest, environment: LoadEnvironment) {
    this.#manifest = manifest
    this.#environment = environment
    const { promise, resolve } = Promise.withResolvers<void>()
    let waiting = manifest.shards.length
    const onReady = (): void => {
      waiting -= 1
      if (waiting === 0) resolve()
    }
    this.release = { onReady, released: promise }
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** One line for all, when the first of them reports. */
  progress(index: number, progress: LoadProgress): void {
    this.#latest.set(index, progress)
    if (index !== 0) return
    const all = [...this.#latest.values()]
    const slowest = all.flatMap(({ p95Ms }) => p95Ms ?? []).toSorted((a, b) => b - a)[0]
    this.#environment.progress({
      ...progress,
      requestsPerSecond: all.reduce((sum, one) => sum + one.requestsPerSecond, 0),
      errors: all.reduce((sum, one) => sum + one.errors, 0),
      p95Ms: slowest,
    })
  }

  measuring(index: number, edge: 'begin' | 'end'): void {
    if (edge === 'begin') {
      const name = this.#manifest.shards[index]?.name ?? ''
      // All are on this machine, so they have one clock.
      this.begins.push({ name, atMs: performance.now(), clockOffsetMs: 0 })
      this.#open.add(index)
      if (!this.#isMeasuring) this.#environment.measuring('begin')
      this.#isMeasuring = true
      return
    }
    this.#open.delete(index)
    if (this.#open.size === 0 && this.#isMeasuring) this.#environment.measuring('end')
    if (this.#open.size === 0) this.#isMeasuring = false
  }

  end(end: ProcessEnd): void {
    if (end.state !== 'ok') this.#lost.abort()
  }
}

interface Outcome {
  manifest: ShardManifest
  shares: readonly LoadProcessPlan[]
  ends: readonly ProcessEnd[]
  begins: readonly ShardBegin[]
  isCut: boolean
  interrupted: boolean
}

function toResult(
  { manifest, shares, ends, begins, isCut, interrupted }: Outcome,
  toMeasurement: (result: ProcessResult, interrupted: boolean) => Measurement,
): LoadResult {
  const invalid = ends.find((end) => end.state === 'usage-error')
  if (invalid !== undefined) return { state: 'usage-error', reason: invalid.problem }
  const shared: SharedResult[] = []
  const merged: MergedShard[] = []
  const saturation: string[] = []
  const missing = collectReports(manifest, toReports(manifest, ends), (name, result) => {
    const index = manifest.shards.findIndex((shard) => shard.name === name)
    shared.push({ result, connections: shares[index]?.connections ?? 0 })
    merged.push({ name, ...toRequestAccount(result) })
    if (!isCut) for (const reason of saturationReasons(result)) saturation.push(`${name}: ${reason}`)
  })
  const [first, ...rest] = shared
  if (first === undefined)
    return {
      state: 'unavailable',
      reason: interrupted ? 'interrupted before the measurement began' : missing.join('; '),
    }
  const skew = findSkew(begins)
  const measurement = toMeasurement(mergeResults([first, ...rest]), interrupted)
  const lost = merged.flatMap(({ name, ...account }) => {
    const problem = findAccountProblem(account, 'requests')
    return problem === undefined ? [] : [`${name} ${problem}`]
  })
  return {
    state: 'ok',
    measurement: {
      ...measurement,
      saturation,
      shards: manifest.shards.flatMap(({ name, segment }) => {
        const account = merged.find((one) => one.name === name)
        return account === undefined ? [] : [{ segment, skewMs: skew.get(name) ?? 0, ...account }]
      }),
      shardProblems: interrupted ? [] : [...missing, ...findBeginProblems(begins), ...(isCut ? [] : lost)],
      notes: describeShards(begins, addAccounts(merged), 'requests'),
    },
  }
}

function toReports(manifest: ShardManifest, ends: readonly ProcessEnd[]): ShardReport<ProcessResult>[] {
  return manifest.shards.map(({ name }, index): ShardReport<ProcessResult> => {
    const end = ends[index]
    if (end?.state !== 'ok')
      return { state: 'missing', name, reason: end?.state === 'failed' ? end.reason : 'it measured nothing' }
    return {
      state: 'ok',
      identity: end.result.shard ?? { name, plan: 'none', format: 'none' },
      value: end.result,
    }
  })
}
