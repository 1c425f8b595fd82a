import type { Budgets } from '../baselines/index.ts'

/** What `vigil.config.ts` exports as default: one plain object. Paths are relative to the file. */
export interface Config {
  target: TargetConfig
  /**
   * Path of a module whose default export is `Journey[]`: a path, because k6 loads it in a runtime of its
   * own.
   */
  journeys: string
  probes?: Record<string, ProbeConfig>
  suites: Record<string, SuiteConfig>
  /** For every suite that has none of its own. */
  budgets?: Budgets
  gate?: { probes?: string[]; suites: string[] }
  pushgateway?: { url: string; require?: boolean }
  history?: { url: string }
  /** Figures that grow, and what they must not reach: `vigil capacity --prometheus` tells when. */
  forecasts?: Record<string, ForecastConfig>
}

export interface TargetConfig {
  url: string
  /** Program and arguments: vigil starts it, waits for `ready` and ends it. */
  command?: string[]
  env?: Record<string, string>
  /** Path that answers 2xx once the service can be used. */
  ready?: string
  /**
   * Path of its Prometheus metrics, read before, during and after a load (standard `process_*` and `nodejs_*`
   * names).
   */
  metrics?: string
  /** `vigil ab` gives each side a database of its own on one PostgreSQL, in `DATABASE_URL`. */
  database?: 'postgres'
  revision?: string
}

export type ProbeConfig = ({ journey: string } | { spec: string }) & {
  every?: string
  timeoutMs?: number
  attempts?: number
  degradedMs?: number
}

export interface SuiteConfig {
  /** Name → weight. */
  journeys?: Record<string, number>
  /** Or a k6 script of the user's own, run as it is. */
  script?: string
  engine: 'k6' | 'autocannon'
  /** Journeys started per second, or connections kept busy. */
  load: { ratePerSecond: number } | { connections: number }
  warmupSeconds?: number
  durationSeconds: number
  budgets?: Budgets
}

export interface ForecastConfig {
  /** PromQL that gives one series. */
  query: string
  /** `capacity`: the requests per second that were measured at the knee. */
  limit: number | 'capacity'
  unit?: 'bytes' | 'per second'
}

/** Gives an editor the types; returns its argument. */
export function defineConfig(config: Config): Config {
  return config
}
