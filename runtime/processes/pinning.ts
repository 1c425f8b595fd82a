import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Cores as `taskset` takes them. */
export interface Pinning {
  /** Both sides run on these, so that neither has a better place than the other. */
  services: string
  /** k6 runs on these. */
  generator: string
}

const run = promisify(execFile)
const limitMs = 5000

/**
 * How this machine's cores are shared out, or undefined where there is but one or no `taskset`. Left to the scheduler, one
 * side may run beside k6 and the other alone for as long as the processes live: on two cores, equal code differed by up to 8 % in
 * p50 with no difference in CPU time.
 */
export async function pinningHere(pid: number): Promise<Pinning | undefined> {
  try {
    // Ours, which a container or a service manager may have cut down.
    const { stdout } = await run('taskset', ['-cp', String(pid)], { timeout: limitMs })
    return sharedOut(coresOf(/: (\S+)\s*$/.exec(stdout)?.[1] ?? ''))
  } catch {
    return undefined
  }
}

/** The upper half, and the middle one, for the services; undefined for fewer than two cores. */
export function sharedOut(cores: readonly number[]): Pinning | undefined {
  const half = Math.floor(cores.length / 2)
  return half === 0
    ? undefined
    : { services: cores.slice(half).join(','), generator: cores.slice(0, half).join(',') }
}

/** `0,2-4` as its numbers; empty for anything else. */
export function coresOf(list: string): number[] {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) return []
  return list.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}

/** A command as it is started on `cores`, with all its children. */
export function pinned(command: readonly string[], cores: string | undefined): string[] {
  return cores === undefined ? [...command] : ['taskset', '-c', cores, ...command]
}

/** Moves a process with all its threads. Never throws: one that has ended need not be moved. */
export async function pin(pid: number, cores: string): Promise<void> {
  await run('taskset', ['-acp', cores, String(pid)], { timeout: limitMs }).catch(() => undefined)
}
