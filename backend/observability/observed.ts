import { Gauge } from 'prom-client'
import type { OpenMetricsContentType, Registry } from 'prom-client'

export interface QueueState {
  queue: string
  state: string
  jobs: number
}

/** Where the gauges read their values. Each part of the service sets its own when it starts. */
interface Sources {
  pool?: () => { inUse: number; size: number; waiting: number }
  presence?: () => {
    active: readonly { window: string; users: number }[]
    features: readonly { feature: string; users: number }[]
    suspicious: number
  }
  limits?: () => readonly { policy: string; ratio: number }[]
  queues?: () => Promise<readonly QueueState[]>
}

/** Gauges that are computed when they are scraped, because updating them would cost time in every request. */
export function createObservedGauges(registry: Registry<OpenMetricsContentType>) {
  const sources: Sources = {}
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
    const { inUse, size } = sources.pool?.() ?? { inUse: 0, size: 0 }
    return [
      [{ state: 'in_use' }, inUse],
      [{ state: 'idle' }, size - inUse],
    ]
  })
  gauge('db_pool_waiting', 'Queries that wait for a connection', [], () => [
    [{}, sources.pool?.().waiting ?? 0],
  ])
  gauge('users_active', 'Users with a request in the window', ['window'], () =>
    (sources.presence?.().active ?? []).map(({ window, users }) => [{ window }, users]),
  )
  gauge('feature_users', 'Users of a feature in the last 24 hours', ['feature'], () =>
    (sources.presence?.().features ?? []).map(({ feature, users }) => [{ feature }, users]),
  )
  const failing = 'Addresses with ten or more authentication failures in the last 15 minutes'
  gauge('auth_suspicious_addresses', failing, [], () => [[{}, sources.presence?.().suspicious ?? 0]])
  const share = 'Share of its limit that the busiest caller has used in its window'
  gauge('rate_limit_utilization_ratio', share, ['policy'], () =>
    (sources.limits?.() ?? []).map(({ policy, ratio }) => [{ policy }, ratio]),
  )
  gauge('job_queue_length', 'Background jobs', ['queue', 'state'], async () =>
    ((await sources.queues?.()) ?? []).map(({ queue, state, jobs }) => [{ queue, state }, jobs]),
  )
  return { observe: (added: Sources) => void Object.assign(sources, added) }
}

type Sample<L extends string> = [labels: Partial<Record<L, string>>, value: number]
