import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { DatabaseUnavailable } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { addUp } from './rules.ts'
import type { Rule } from './rules.ts'

export interface FaultDependencies {
  /** In milliseconds of the monotonic clock: setting the wall clock must not extend faults. */
  now: () => number
  /** A number from 0 to 1, for `ratio`. */
  random: () => number
  /**
   * The routes that rules without a route do not affect: operators must be able to observe and end a fault.
   */
  operationRoutes: ReadonlySet<string>
  /** Called after faults have ended by themselves. */
  onExpired: () => void
}

interface ActiveFaults {
  readonly rules: readonly Rule[]
  readonly endsAtMs: number
  readonly timer: NodeJS.Timeout
  /** Aborted when the faults end: delayed requests and queries continue. */
  readonly ended: AbortController
}

/**
 * The active faults and their effects. Without active faults, each check costs one comparison. All faults end
 * after their time, with {@link clear}, and with the process.
 */
export class Faults {
  readonly #dependencies: FaultDependencies
  #active: ActiveFaults | undefined

  constructor(dependencies: FaultDependencies) {
    this.#dependencies = dependencies
  }

  /** Replaces the active rules with `rules` for `ttlSeconds`. */
  set(rules: readonly Rule[], ttlSeconds: number): void {
    this.clear()
    if (rules.length === 0) return
    const ttlMs = ttlSeconds * 1000
    const timer = setTimeout(() => this.#expire(), ttlMs).unref()
    const endsAtMs = this.#dependencies.now() + ttlMs
    this.#active = { rules, endsAtMs, timer, ended: new AbortController() }
    // Stops if there is no more memory.
    void keepMemory(addUp(rules, 'memoryMb'), this.#active.ended.signal).catch(() => undefined)
  }

  clear(): void {
    clearTimeout(this.#active?.timer)
    this.#active?.ended.abort()
    this.#active = undefined
  }

  /** The active rules and the remaining milliseconds. */
  state(): { rules: readonly Rule[]; leftMs: number } {
    const active = this.#current()
    return active === undefined
      ? { rules: [], leftMs: 0 }
      : { rules: active.rules, leftMs: active.endsAtMs - this.#dependencies.now() }
  }

  /** Call before a request is read. */
  beforeRequest(scope: Scope): Promise<void> | undefined {
    const { method, route } = scope
    const { operationRoutes } = this.#dependencies
    const hits = this.#hits(
      ({ latencyMs, status, stallMs, route: wanted = operationRoutes.has(route) ? undefined : route }) =>
        (latencyMs ?? status ?? stallMs) !== undefined &&
        (wanted === route || wanted === `${method} ${route}`),
    )
    return hits.length === 0 ? undefined : this.#hit(scope, hits)
  }

  /** Call before the query of this name, when it has its connection. */
  beforeQuery(name: string): Promise<void> | undefined {
    const hits = this.#hits(
      ({ dbLatencyMs, dbDown, query }) =>
        (dbLatencyMs !== undefined || dbDown === true) && (query === undefined || query === name),
    )
    return hits.length === 0 ? undefined : this.#hitQuery(hits)
  }

  /** Call before a token is signed or verified. */
  beforeAuth(): void {
    if (!this.#has('authDown')) return
    throw new Problem('unavailable', {
      detail: 'Authentication is not available',
      reason: 'fault: authDown',
      headers: { 'retry-after': '5' },
    })
  }

  get rateLimitOff(): boolean {
    return this.#has('rateLimitOff')
  }

  /** Whether queries may fail: cached replies must not hide that. */
  get isDatabaseDown(): boolean {
    return this.#has('dbDown')
  }

  #has(fault: 'authDown' | 'rateLimitOff' | 'dbDown'): boolean {
    return this.#current()?.rules.some((rule) => rule[fault] === true) ?? false
  }

  /** The rules that affect this request or query. */
  #hits(applies: (rule: Rule) => boolean): readonly Rule[] {
    const { random } = this.#dependencies
    const rules = this.#current()?.rules ?? []
    return rules.filter((rule) => applies(rule) && (rule.ratio === undefined || random() < rule.ratio))
  }

  async #hit(scope: Scope, hits: readonly Rule[]): Promise<void> {
    for (const { stallMs } of hits) if (stallMs !== undefined) blockEventLoop(stallMs)
    const latencyMs = addUp(hits, 'latencyMs')
    if (latencyMs > 0) {
      const began = performance.now()
      await this.#hold(latencyMs)
      // The delay simulates a slow service; it must not shorten the time limit of the request.
      scope.deadline += performance.now() - began
    }
    const status = hits.find((one) => one.status !== undefined)?.status
    if (status === undefined) return
    const retry = status === 503 || status === 429 ? { 'retry-after': '1' } : {}
    throw new Problem('injected-fault', { status, detail: 'An injected fault', headers: retry })
  }

  async #hitQuery(hits: readonly Rule[]): Promise<void> {
    const latencyMs = addUp(hits, 'dbLatencyMs')
    if (latencyMs > 0) await this.#hold(latencyMs)
    if (hits.some(({ dbDown }) => dbDown === true)) throw new DatabaseUnavailable('fault: dbDown')
  }

  async #hold(ms: number): Promise<void> {
    const signal = this.#active?.ended.signal
    await sleep(ms, undefined, signal && { signal }).catch(() => undefined)
  }

  #current(): ActiveFaults | undefined {
    const active = this.#active
    if (active === undefined || active.endsAtMs > this.#dependencies.now()) return active
    this.#expire()
    return undefined
  }

  #expire(): void {
    this.clear()
    this.#dependencies.onExpired()
  }
}

// Blocks all other work without using CPU time.
function blockEventLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

const mebibyte = 1024 * 1024
// Above the allocator's largest mmap threshold (32 MiB), so that freed memory returns to the system.
const blockBytes = 64 * mebibyte
const sliceBytes = 2 * mebibyte

/**
 * Allocates memory until `ended`. It is written to, so that it is resident and not only reserved: a slice in
 * each turn of the event loop.
 */
async function keepMemory(megabytes: number, ended: AbortSignal): Promise<void> {
  const blocks: ArrayBuffer[] = []
  // A detached buffer does not wait for the garbage collector.
  ended.addEventListener('abort', () => blocks.forEach((block) => block.transfer(0)))
  for (let left = megabytes * mebibyte; left > 0; left -= blockBytes) {
    const block = new ArrayBuffer(blockBytes)
    blocks.push(block)
    const needed = Math.min(left, blockBytes)
    for (let at = 0; at < needed && !ended.aborted; at += sliceBytes) {
      new Uint8Array(block).fill(1, at, Math.min(at + sliceBytes, needed))
      await setImmediate()
    }
    if (ended.aborted) return
  }
}
