import { DatabaseUnavailable } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { isFor } from './rules.ts'
import type { Rule } from './rules.ts'

export interface FaultsParts {
  /** Milliseconds of the monotonic clock: a wall clock that is set must not keep faults alive. */
  now: () => number
  /** From 0 to 1, for `ratio`. */
  random: () => number
  /** Routes that are spared by rules without a route: who looks at a fault must see it, and be able to end it. */
  operating: ReadonlySet<string>
  /** Told after faults began or ended. */
  changed: (change: 'set' | 'cleared' | 'expired') => void
}

interface Active {
  readonly rules: readonly Rule[]
  readonly ofRequests: readonly Rule[]
  readonly ofQueries: readonly Rule[]
  readonly authDown: boolean
  readonly rateLimitOff: boolean
  readonly endsAtMs: number
  readonly timer: NodeJS.Timeout
}

const mebibyte = 1024 * 1024

/**
 * The faults that are switched on, and where they act. Each place asks here; while nothing is on that costs one
 * comparison. Everything ends after its time, with {@link clear}, and with the process.
 */
export class Faults {
  readonly #with: FaultsParts
  readonly #ballast = new Ballast()
  /** Requests and queries that a fault holds up; they go on when it ends. */
  readonly #held = new Set<() => void>()
  #active: Active | undefined

  constructor(parts: FaultsParts) {
    this.#with = parts
  }

  /** Switches on `rules`, in place of those that were, for `ttlSeconds`. */
  set(rules: readonly Rule[], ttlSeconds: number): void {
    this.#drop()
    if (rules.length > 0) {
      const ttlMs = ttlSeconds * 1000
      this.#active = {
        rules,
        ofRequests: rules.filter(
          ({ latencyMs, status, stallMs }) => (latencyMs ?? status ?? stallMs) !== undefined,
        ),
        ofQueries: rules.filter(({ dbLatencyMs, dbDown }) => dbLatencyMs !== undefined || dbDown === true),
        authDown: rules.some(({ authDown }) => authDown === true),
        rateLimitOff: rules.some(({ rateLimitOff }) => rateLimitOff === true),
        endsAtMs: this.#with.now() + ttlMs,
        timer: setTimeout(() => this.#end('expired'), ttlMs).unref(),
      }
      this.#ballast.hold(rules.reduce((sum, { memoryMb }) => sum + (memoryMb ?? 0), 0) * mebibyte)
    }
    this.#with.changed('set')
  }

  clear(): void {
    this.#end('cleared')
  }

  /** What is on, and for how many more milliseconds. */
  state(): { rules: readonly Rule[]; leftMs: number } {
    const active = this.#current()
    return active === undefined
      ? { rules: [], leftMs: 0 }
      : { rules: active.rules, leftMs: active.endsAtMs - this.#with.now() }
  }

  /** Before a request is looked at. */
  arrive(scope: Scope): Promise<void> | undefined {
    const active = this.#current()
    if (active === undefined || active.ofRequests.length === 0) return undefined
    const hits = active.ofRequests.filter(
      (one) => isFor(one, scope.method, scope.route, this.#with.operating) && this.#strikes(one),
    )
    return hits.length === 0 ? undefined : this.#hit(scope, hits)
  }

  /** Before a query, on the connection that it has. */
  beforeQuery(): Promise<void> | undefined {
    const active = this.#current()
    if (active === undefined || active.ofQueries.length === 0) return undefined
    const hits = active.ofQueries.filter((one) => this.#strikes(one))
    return hits.length === 0 ? undefined : this.#hitQuery(hits)
  }

  /** Before a token is made or checked. */
  beforeAuth(): void {
    if (this.#current()?.authDown !== true) return
    throw new Problem('unavailable', {
      detail: 'Authentication is not available',
      reason: 'fault: authDown',
      headers: { 'retry-after': '5' },
    })
  }

  get rateLimitOff(): boolean {
    return this.#current()?.rateLimitOff ?? false
  }

  /** Whether some query is refused: what is kept in memory must not hide that. */
  get databaseDown(): boolean {
    return this.#current()?.ofQueries.some(({ dbDown }) => dbDown === true) ?? false
  }

  async #hit(scope: Scope, hits: readonly Rule[]): Promise<void> {
    for (const { stallMs } of hits) if (stallMs !== undefined) stall(stallMs)
    const latencyMs = total(hits, ({ latencyMs: ms }) => ms)
    if (latencyMs > 0) {
      const began = performance.now()
      await this.#hold(latencyMs)
      // The delay stands for a slow service, not for a request that may take less time after it.
      scope.deadline += performance.now() - began
    }
    const status = hits.find((one) => one.status !== undefined)?.status
    if (status === undefined) return
    const retry = status === 503 || status === 429 ? { 'retry-after': '1' } : {}
    throw new Problem('injected-fault', { status, detail: 'A fault that was switched on', headers: retry })
  }

  async #hitQuery(hits: readonly Rule[]): Promise<void> {
    const latencyMs = total(hits, ({ dbLatencyMs }) => dbLatencyMs)
    if (latencyMs > 0) await this.#hold(latencyMs)
    if (hits.some(({ dbDown }) => dbDown === true)) throw new DatabaseUnavailable('fault: dbDown')
  }

  #strikes({ ratio }: Rule): boolean {
    return ratio === undefined || this.#with.random() < ratio
  }

  #hold(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const release = (): void => {
        clearTimeout(timer)
        this.#held.delete(release)
        resolve()
      }
      const timer = setTimeout(release, ms)
      this.#held.add(release)
    })
  }

  #current(): Active | undefined {
    const active = this.#active
    if (active === undefined || active.endsAtMs > this.#with.now()) return active
    this.#end('expired')
    return undefined
  }

  #end(change: 'cleared' | 'expired'): void {
    if (this.#active === undefined) return
    this.#drop()
    this.#with.changed(change)
  }

  #drop(): void {
    clearTimeout(this.#active?.timer)
    this.#active = undefined
    this.#ballast.release()
    for (const release of this.#held) release()
  }
}

function total(rules: readonly Rule[], part: (rule: Rule) => number | undefined): number {
  return rules.reduce((sum, rule) => sum + (part(rule) ?? 0), 0)
}

// Nothing else runs meanwhile, and no processor is kept busy for it.
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

// Above the allocator's largest threshold for mapping memory of its own (32 MiB): what is freed goes back to the system.
const blockBytes = 64 * 1024 * 1024
const sliceBytes = 2 * 1024 * 1024

/** Memory that is taken and kept: written to, so that it is resident and not only reserved. */
export class Ballast {
  readonly #blocks: ArrayBuffer[] = []
  #growing = 0

  /** Grows to `bytes` in place of what was held, a slice in each turn of the event loop; less when there is no more. */
  hold(bytes: number): void {
    this.release()
    if (bytes === 0) return
    this.#grow(bytes, this.#growing)
  }

  /** Gives everything back at once: a detached buffer does not wait for the garbage collector. */
  release(): void {
    this.#growing += 1
    for (const block of this.#blocks.splice(0)) block.transfer(0)
  }

  #grow(left: number, growing: number, block?: Uint8Array, from = 0): void {
    if (growing !== this.#growing || left <= 0) return
    const filling = block === undefined || from >= blockBytes ? this.#take() : block
    if (filling === undefined) return
    const start = filling === block ? from : 0
    const end = start + Math.min(sliceBytes, left)
    filling.fill(1, start, end)
    setImmediate(() => this.#grow(left - (end - start), growing, filling, end))
  }

  #take(): Uint8Array | undefined {
    try {
      const block = new ArrayBuffer(blockBytes)
      this.#blocks.push(block)
      return new Uint8Array(block)
    } catch {
      return undefined
    }
  }
}
