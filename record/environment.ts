import { createHash } from 'node:crypto'
import type { Run } from './documents/run.ts'

/** What of a machine and its tools decides how fast it measures. */
export interface MachineFacts {
  os: string
  /** Release of the operating system's kernel; told, but not decisive. */
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
 * The environment of a record. Its fingerprint changes with what moves the numbers (processor, cores, memory to the GiB,
 * operating system, major version of Node, version of the engine) and with nothing else: not the host's name, not a
 * patch of the kernel, not free memory.
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
