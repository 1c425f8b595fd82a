import { medianOfKnown } from './levels.ts'
import type { Level, Sample, Setting } from './levels.ts'
import type { Forecast } from './forecast.ts'
import type { Knee } from './search.ts'

/** What can be the limit of a service under load, and of the one who loads it. */
export type Resource = 'service CPU' | 'event loop' | 'connection pool' | 'memory' | 'machine' | 'generator'

export interface Saturated {
  resource: Resource
  /** The least load at which it was found at its limit. */
  atLoad: number
  /** In words, with the value found there. */
  message: string
}

interface Gauge {
  resource: Resource
  value: (sample: Sample) => number | undefined
  limit: number
  words: (value: number) => string
}

const formatPercent = (ratio: number): string => `${Math.round(ratio * 100)} %`

/**
 * JavaScript runs on one thread, so a core of CPU time is about all that one instance can use; what is above
 * comes from the runtime's other threads. The event loop is late when a callback waits 50 ms for its turn. A
 * pool is the limit when queries wait while all of it is in use.
 */
const gauges: readonly Gauge[] = [
  {
    resource: 'generator',
    value: ({ outcome, because }) => (outcome === 'unmeasured' && because.length > 0 ? 1 : undefined),
    limit: 1,
    words: () => 'the generator could not make more load',
  },
  {
    resource: 'service CPU',
    value: ({ server, throughputRps }) => scaled(server.cpuMsPerRequest, throughputRps / 1000),
    limit: 0.9,
    words: (cores) => `the service used ${cores.toFixed(2)} cores`,
  },
  {
    resource: 'connection pool',
    value: ({ server }) => ((server.dbPoolWaiting ?? 0) >= 1 ? server.dbPoolUsedRatio : undefined),
    limit: 0.9,
    words: (ratio) => `${formatPercent(ratio)} of the connection pool was in use, and queries waited for it`,
  },
  {
    resource: 'event loop',
    value: ({ server }) => server.eventLoopP99Ms,
    limit: 50,
    words: (ms) => `the event loop was ${Math.round(ms)} ms late (p99)`,
  },
  {
    resource: 'machine',
    value: ({ machineBusyRatio }) => machineBusyRatio,
    limit: 0.95,
    words: (ratio) =>
      `all cores of this machine together were ${formatPercent(ratio)} busy, load generator included`,
  },
]

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by
}

/**
 * With more of its CPU busy before the first load, what the machine shows under load is not the load's
 * alone.
 */
const busyBeforeRatio = 0.25

/** Whether others used the machine before the load began, so that its limit cannot be named. */
export function isBusyBefore(busyRatio: number | undefined): boolean {
  return busyRatio !== undefined && busyRatio >= busyBeforeRatio
}

/**
 * What reached its limit, at the lowest load first; empty when nothing that is measured did.
 *
 * @param busyBefore how busy this machine was before the first load; unknown for a target elsewhere
 */
export function findSaturation(levels: readonly Level[], busyBefore?: number): Saturated[] {
  const known = isBusyBefore(busyBefore) ? gauges.filter(({ resource }) => resource !== 'machine') : gauges
  const found = known.flatMap(({ resource, value, limit, words }): Saturated[] => {
    for (const { load, samples } of levels) {
      const values = samples.map(value).filter((one) => one !== undefined)
      const middle = medianOfKnown(values)
      if (values.length * 2 >= samples.length && middle >= limit)
        return [{ resource, atLoad: load, message: words(middle) }]
    }
    return []
  })
  return found.toSorted((a, b) => a.atLoad - b.atLoad)
}

/** What `vigil capacity --json` prints: `vigil.capacity/1`. */
export interface CapacityResult {
  schema: 'vigil.capacity/1'
  suite: string
  engine: string
  /** What a load counts. */
  loadUnit: 'journeys/s' | 'connections'
  target: string
  startedAt: string
  knee: Knee
  /** Requests per second at the highest load that keeps every budget. */
  capacityRps: number | undefined
  levels: Level[]
  saturation: Saturated[]
  /** Of all cores of this machine, before the first load; missing for a target on another machine. */
  machineBusyBefore?: number
  settings: { variable: string; load: number; results: Setting[]; enough: string | undefined } | undefined
  forecasts: NamedForecast[]
}

export interface NamedForecast {
  name: string
  query: string
  unit: 'bytes' | 'per second' | undefined
  limit: number | undefined
  forecast: Forecast | { state: 'unknown'; reason: string }
}
