import type { Destination } from '../observation/observation.ts'
import type { Limits } from '../observation/hops.ts'
import type { DrillEnvironment } from '../environment/environment.ts'
import type { Traffic } from '../environment/traffic.ts'

/** Where a drill is played: the stage, and the people using the service on it. */
export interface DrillContext {
  environment: DrillEnvironment
  traffic: Traffic
  /** Milliseconds of production's clock on the drill's. */
  compress: (ms: number) => number
  signal: AbortSignal
}

/** Ends a fault. */
export type EndFault = () => Promise<void>

/** Parts of the stage that a drill needs to itself; `*`: everything. `held`: requests that are held up, which go on whenever faults are switched. */
export type Resource =
  | '*'
  | 'held'
  | 'latency'
  | 'errors'
  | 'database'
  | 'auth'
  | 'limits'
  | 'memory'
  | 'disk'
  | 'growth'

/** One alert's drill: its fault, and what has to come of it. */
export interface Drill {
  /** Of REQUIREMENTS: `C1`. */
  requirement: string
  alert: string
  /** What is done, in words. */
  fault: string
  /** Why part of it is not real, where it is not. */
  standIn?: string
  /** The same, where it depends on what the machine allows. */
  standInFor?: (stage: DrillEnvironment) => string | undefined
  exclusive: readonly Resource[]
  disturbs?: readonly Resource[]
  injectFault: (scene: DrillContext) => Promise<EndFault>
  to: readonly Destination[]
  /** Alerts that become true with it and must be kept quiet because it fires. */
  inhibits: readonly string[]
  /** Alerts that must fire meanwhile and reach nobody. */
  mutes?: readonly string[]
  /** Other alerts that the same fault may raise, and that may be delivered. */
  mayAlsoFire: readonly string[]
  /** Alerts that the fault raises and that stay when it is over. */
  mayKeepFiring?: readonly string[]
  /** Who else is told when it stays, by which alert, how long after. */
  escalations: readonly { alert: string; to: readonly Destination[]; afterMs: number }[]
  /** Why its end is not waited for, where it is not. */
  stays?: string
  /** Other limits than the usual ones, on production's clock. */
  limits?: Partial<Limits>
  /** It takes so long for reasons outside the rules (a window of the service's own), on the wall clock. */
  slack?: Partial<Limits>
}

/** How a drill ended. Seconds on the drill's clock; absent: it did not come so far. */
export interface DrillResult {
  requirement: string
  alert: string
  fault: string
  standIn?: string
  stays?: string
  state: 'passed' | 'failed' | 'interrupted'
  /** Where it was lost, and why. */
  hop?: string
  why?: string
  /** From the fault until it fires, from firing until the last receiver has it, from the fault's end until all know that it is over. */
  fireSeconds?: number
  deliverSeconds?: number
  escalateSeconds?: number
  resolveSeconds?: number
  deliveredTo: string[]
  escalatedTo: string[]
  inhibited: string[]
}
