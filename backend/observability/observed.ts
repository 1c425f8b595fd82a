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

function createPoolGauges(shared: Shared) {
  let read: (() => PoolState) | undefined
  const connections = new Gauge({
    name: 'db_pool_connections',
    help: 'Places in the connection pool',
    labelNames: ['state'],
    ...shared,
    collect: collectConnections,
  })
  const waiting: Gauge = new Gauge({
    name: 'db_pool_waiting',
    help: 'Queries that wait for a connection',
    ...shared,
    collect: () => waiting.set(read?.().waiting ?? 0),
  })
  function collectConnections(): void {
    const { inUse, size } = read?.() ?? { inUse: 0, size: 0 }
    connections.set({ state: 'in_use' }, inUse)
    connections.set({ state: 'idle' }, size - inUse)
  }
  return {
    observePool: (reader: () => PoolState): void => {
      read = reader
    },
  }
}

function createPresenceGauges(shared: Shared) {
  let read: (() => PresenceState) | undefined
  const active = new Gauge({
    name: 'users_active',
    help: 'Users with a request in the window',
    labelNames: ['window'],
    ...shared,
    collect: collectActive,
  })
  const features = new Gauge({
    name: 'feature_users',
    help: 'Users of a feature in the last 24 hours',
    labelNames: ['feature'],
    ...shared,
    collect: collectFeatures,
  })
  const suspicious: Gauge = new Gauge({
    name: 'auth_suspicious_addresses',
    help: 'Addresses with ten or more authentication failures in the last 15 minutes',
    ...shared,
    collect: () => suspicious.set(read?.().suspicious ?? 0),
  })
  function collectActive(): void {
    for (const { window, users } of read?.().active ?? []) active.set({ window }, users)
  }
  function collectFeatures(): void {
    for (const { feature, users } of read?.().features ?? []) features.set({ feature }, users)
  }
  return {
    observePresence: (reader: () => PresenceState): void => {
      read = reader
    },
  }
}

function createLimitGauges(shared: Shared) {
  let read: (() => readonly LimitState[]) | undefined
  const utilization = new Gauge({
    name: 'rate_limit_utilization_ratio',
    help: 'Share of its limit that the busiest caller has used in its window',
    labelNames: ['policy'],
    ...shared,
    collect,
  })
  function collect(): void {
    for (const { policy, ratio } of read?.() ?? []) utilization.set({ policy }, ratio)
  }
  return {
    observeLimits: (reader: () => readonly LimitState[]): void => {
      read = reader
    },
  }
}

function createQueueGauges(shared: Shared) {
  let read: (() => Promise<readonly QueueState[]>) | undefined
  const length = new Gauge({
    name: 'job_queue_length',
    help: 'Background jobs',
    labelNames: ['queue', 'state'],
    ...shared,
    collect,
  })
  async function collect(): Promise<void> {
    for (const { queue, state, jobs } of (await read?.()) ?? []) length.set({ queue, state }, jobs)
  }
  return {
    observeQueues: (reader: () => Promise<readonly QueueState[]>): void => {
      read = reader
    },
  }
}
