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
  let pool = (): PoolState => ({ inUse: 0, size: 0, waiting: 0 })
  let presence = (): PresenceState => ({ active: [], features: [], suspicious: 0 })
  let limits = (): readonly LimitState[] => []
  let queues = (): Promise<readonly QueueState[]> => Promise.resolve([])

  /** Each sample is its labels and its value. */
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    read: () => Sample<L>[] | Promise<Sample<L>[]>,
  ): void => {
    const made: Gauge<L> = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: async () => {
        for (const [labels, value] of await read()) made.set(labels, value)
      },
    })
  }
  gauge('db_pool_connections', 'Places in the connection pool', ['state'], () => {
    const { inUse, size } = pool()
    return [
      [{ state: 'in_use' }, inUse],
      [{ state: 'idle' }, size - inUse],
    ]
  })
  gauge('db_pool_waiting', 'Queries that wait for a connection', [], () => [[{}, pool().waiting]])
  gauge('users_active', 'Users with a request in the window', ['window'], () =>
    presence().active.map(({ window, users }) => [{ window }, users]),
  )
  gauge('feature_users', 'Users of a feature in the last 24 hours', ['feature'], () =>
    presence().features.map(({ feature, users }) => [{ feature }, users]),
  )
  const failing = 'Addresses with ten or more authentication failures in the last 15 minutes'
  gauge('auth_suspicious_addresses', failing, [], () => [[{}, presence().suspicious]])
  const share = 'Share of its limit that the busiest caller has used in its window'
  gauge('rate_limit_utilization_ratio', share, ['policy'], () =>
    limits().map(({ policy, ratio }) => [{ policy }, ratio]),
  )
  gauge('job_queue_length', 'Background jobs', ['queue', 'state'], async () =>
    (await queues()).map(({ queue, state, jobs }) => [{ queue, state }, jobs]),
  )
  return {
    observePool: (read: typeof pool) => void (pool = read),
    observePresence: (read: typeof presence) => void (presence = read),
    observeLimits: (read: typeof limits) => void (limits = read),
    observeQueues: (read: typeof queues) => void (queues = read),
  }
}

type Sample<L extends string> = [labels: Partial<Record<L, string>>, value: number]
