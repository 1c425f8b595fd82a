import { Gauge } from 'prom-client'
import type { OpenMetricsContentType, Registry } from 'prom-client'

export interface PoolState {
  inUse: number
  size: number
  waiting: number
}

export interface PresenceState {
  active: readonly { window: string; users: number }[]
  features: readonly { feature: string; users: number }[]
  suspicious: number
}

export interface LimitState {
  policy: string
  ratio: number
}

export interface QueueState {
  queue: string
  state: string
  jobs: number
}

/** Gauges that are computed when they are scraped, because updating them would cost time in every request. */
export function createObservedGauges(registry: Registry<OpenMetricsContentType>) {
  const shared = { registers: [registry] }
  return {
    ...createPoolGauges(shared),
    ...createPresenceGauges(shared),
    ...createLimitGauges(shared),
    ...createQueueGauges(shared),
  }
}

type Shared = { registers: Registry<OpenMetricsContentType>[] }

/** A value that is read when it is scraped; undefined until `observe` has said where from. */
function createSource<T>(): { read: () => T | undefined; observe: (reader: () => T) => void } {
  let source: (() => T) | undefined
  return {
    read: () => source?.(),
    observe: (reader) => {
      source = reader
    },
  }
}

/** A gauge that `collect` sets when it is scraped. */
function createGauge<L extends string>(
  shared: Shared,
  name: string,
  help: string,
  labelNames: L[],
  collect: (gauge: Gauge<L>) => Promise<void> | void,
): void {
  const gauge: Gauge<L> = new Gauge({ name, help, labelNames, ...shared, collect: () => collect(gauge) })
}

function createPoolGauges(shared: Shared) {
  const { read, observe } = createSource<PoolState>()
  createGauge(shared, 'db_pool_connections', 'Places in the connection pool', ['state'], (connections) => {
    const { inUse, size } = read() ?? { inUse: 0, size: 0 }
    connections.set({ state: 'in_use' }, inUse)
    connections.set({ state: 'idle' }, size - inUse)
  })
  createGauge(shared, 'db_pool_waiting', 'Queries that wait for a connection', [], (waiting) =>
    waiting.set(read()?.waiting ?? 0),
  )
  return { observePool: observe }
}

function createPresenceGauges(shared: Shared) {
  const { read, observe } = createSource<PresenceState>()
  createGauge(shared, 'users_active', 'Users with a request in the window', ['window'], (active) => {
    for (const { window, users } of read()?.active ?? []) active.set({ window }, users)
  })
  const inDay = 'Users of a feature in the last 24 hours'
  createGauge(shared, 'feature_users', inDay, ['feature'], (features) => {
    for (const { feature, users } of read()?.features ?? []) features.set({ feature }, users)
  })
  const failing = 'Addresses with ten or more authentication failures in the last 15 minutes'
  createGauge(shared, 'auth_suspicious_addresses', failing, [], (suspicious) =>
    suspicious.set(read()?.suspicious ?? 0),
  )
  return { observePresence: observe }
}

function createLimitGauges(shared: Shared) {
  const { read, observe } = createSource<readonly LimitState[]>()
  const share = 'Share of its limit that the busiest caller has used in its window'
  createGauge(shared, 'rate_limit_utilization_ratio', share, ['policy'], (utilization) => {
    for (const { policy, ratio } of read() ?? []) utilization.set({ policy }, ratio)
  })
  return { observeLimits: observe }
}

function createQueueGauges(shared: Shared) {
  const { read, observe } = createSource<Promise<readonly QueueState[]>>()
  createGauge(shared, 'job_queue_length', 'Background jobs', ['queue', 'state'], async (length) => {
    for (const { queue, state, jobs } of (await read()) ?? []) length.set({ queue, state }, jobs)
  })
  return { observeQueues: observe }
}
