import type { DrillEnvironment } from '../environment/environment.ts'
import type { Traffic } from '../environment/traffic.ts'
import type { Limits } from '../observation/hops.ts'
import type { Destination } from '../observation/observation.ts'
import type { Delivery } from '../../receivers/index.ts'

/** What a drill works with: the environment and the traffic of its users. */
export interface DrillContext {
  environment: DrillEnvironment
  traffic: Traffic
  /** Converts milliseconds of production's clock to the drills' clock. */
  compress: (ms: number) => number
  signal: AbortSignal
}

export type EndFault = () => Promise<void>

/**
 * Parts of the environment that a drill needs exclusively. `*`: all of it. `held`: requests that the service
 * delays, which continue whenever faults are switched. `critical`: the one notification that Alertmanager
 * makes of all critical alerts of the service.
 */
export type Resource =
  | '*'
  | 'held'
  | 'critical'
  | 'latency'
  | 'errors'
  | 'database'
  | 'auth'
  | 'limits'
  | 'memory'
  | 'disk'
  | 'growth'

/** The drill of one alert: its fault, and what must happen. */
export interface Drill {
  /** A number of REQUIREMENTS: `C1`. */
  requirement: string
  alert: string
  /** What the drill does, in words. */
  fault: string
  /** Why a part of the fault is simulated. */
  standIn?: string
  /** The same, where it depends on what the machine allows. */
  standInFor?: (environment: DrillEnvironment) => string | undefined
  exclusive: readonly Resource[]
  /** Resources that the drill does not need, but changes for the drills that do. */
  disturbs?: readonly Resource[]
  injectFault: (context: DrillContext) => Promise<EndFault>
  to: readonly Destination[]
  /** Alerts that become true with this one, and that it must inhibit. */
  inhibits: readonly string[]
  /** Alerts that must fire during the drill and reach no receiver. */
  mutes?: readonly string[]
  /** Other alerts that the fault may cause. They may fire, but no one gets them. */
  mayAlsoFire: readonly string[]
  /** Alerts that the fault causes and that still fire after its end. */
  mayKeepFiring?: readonly string[]
  /** Receivers that are notified when the alert stays, by which alert, and after how long. */
  escalations: readonly { alert: string; to: readonly Destination[]; afterMs: number }[]
  /** Why the drill does not wait for the resolution, where it does not. */
  stays?: string
  /** Limits other than the default ones, on production's clock. */
  limits?: Partial<Limits>
  /** Additional time for reasons outside the rules (a time window in the service), on the wall clock. */
  slack?: Partial<Limits>
}

/** One step of a drill. */
export interface DrillEvent {
  /** Wall clock. */
  atMs: number
  hop: 'fault' | 'pending' | 'firing' | 'alertmanager' | 'inhibition' | 'receiver' | 'fault ends' | 'resolved'
  /** The alert, or the receiver of a message. */
  subject: string
  text: string
}

/**
 * The result of a drill. Seconds are of the drill's clock. A time is absent when the drill did not get that
 * far.
 */
export interface DrillResult {
  requirement: string
  alert: string
  fault: string
  standIn?: string
  stays?: string
  state: 'passed' | 'failed' | 'interrupted'
  /** The hop at which the alert was lost, and why. */
  hop?: string
  why?: string
  /** From the fault until the alert fires. */
  fireSeconds?: number
  /** From firing until the last receiver has it. */
  deliverSeconds?: number
  escalateSeconds?: number
  /** From the end of the fault until all receivers have the resolved notification. */
  resolveSeconds?: number
  /** What happened, oldest first. */
  events: DrillEvent[]
  /** What people got because of it, rejected messages too, oldest first. */
  messages: Delivery[]
  deliveredTo: string[]
  escalatedTo: string[]
  inhibited: string[]
}
