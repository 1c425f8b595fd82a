import { createHash } from 'node:crypto'
import type { Run } from './documents/run.ts'
import { toPublicUrl } from './text.ts'

/** The facts of a machine and its tools that decide its speed. */
export interface MachineFacts {
  os: string
  /** Release of the operating system's kernel; recorded, but not decisive. */
  kernel: string
  arch: string
  cpuModel: string
  cores: number
  memoryBytes: number
  node: string
  /** e.g. `k6 1.8.1` */
  engine: string
}

/**
 * The environment of a record. Its fingerprint changes with what moves the numbers (processor, cores, memory
 * to the GiB, operating system, major version of Node, version of the engine) and with nothing else: not the
 * host's name, not a patch of the kernel, not free memory.
 */
export function environmentOf(facts: MachineFacts): Run['environment'] {
  const decisive = [
    facts.os,
    facts.arch,
    facts.cpuModel,
    facts.cores,
    Math.round(facts.memoryBytes / 2 ** 30),
    facts.node.split('.')[0],
    facts.engine,
  ]
  const fingerprint = createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 12)
  return { fingerprint, ...facts }
}

/**
 * What identifies the target of runs that may be compared with each other: its URL without secrets. The port
 * of a service that vigil starts does not count, because a free one may be chosen for each run. Records
 * written before `started` note uncommitted changes only of such a service.
 */
export function identifyTarget(target: Run['target']): string {
  const address = toPublicUrl(target.url).replace(/\/+$/, '')
  if (!isStarted(target)) return address
  return `${address.replace(/^(https?:\/\/(?:\[[^\]]*\]|[^/:]*)):\d+/, '$1')} (started by vigil)`
}

function isStarted({ started, dirty }: Run['target']): boolean {
  return started ?? dirty !== undefined
}

/** A target without what differs from run to run of it, or may be secret. */
export function compactTarget(target: Run['target']): Run['target'] {
  return { url: toPublicUrl(target.url), ...(isStarted(target) && { started: true }) }
}

/** The offered load of runs that may be compared with each other: `30 journeys/s`. */
export function identifyLoad({ model, ratePerSecond, connections, script }: Run['load']): string {
  if (script !== undefined) return script.slice(0, 300)
  if (model === 'arrival-rate') return ratePerSecond === undefined ? model : `${ratePerSecond} journeys/s`
  if (model === 'connections' && connections !== undefined)
    return `${connections} ${connections === 1 ? 'connection' : 'connections'}`
  return model
}

/** Milliseconds since 1970 by the wall clock. Only labels use it; durations come from the monotonic clock. */
export type WallClock = () => number
/** Uniform in [0, 1). */
export type Random = () => number

/**
 * An id that sorts by time and that two runs of one millisecond do not share:
 * `20261124-041500-123-browse-k3f9`.
 */
export function runId(now: WallClock, random: Random, name: string): string {
  const time = new Date(now()).toISOString().replace(/[-:Z]/g, '').replace('T', '-').replace('.', '-')
  const salt = Math.floor(random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')
  return `${time}-${name.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 64)}-${salt}`
}
