import { availableParallelism, getPriority, setPriority } from 'node:os'
import { join } from 'node:path'
import { readOutput } from './child.ts'
import { readText } from './proc.ts'

/** Which cores a service and its load generator run on, as CPU lists: `0,2-4`. */
export interface Pinning {
  /** Both sides of a duet run on these, so that neither has a better place than the other. */
  services: string
  /** k6 runs on these. */
  generator: string
}

const timeoutMs = 5000

/**
 * How to divide the cores that a process may use, or undefined where there is only one or no `taskset`. Left
 * to the scheduler, one side may share a core with k6 and the other have one alone for as long as the
 * processes live: on two cores, equal code differed by up to 8 % in p50 with no difference in CPU time.
 */
export async function planPinning(pid: number): Promise<Pinning | undefined> {
  try {
    // The cores of the process, which a container or a service manager may have reduced.
    const stdout = await readOutput('taskset', ['-cp', String(pid)], { env: process.env, timeoutMs })
    return splitCores(parseCpuList(/: (\S+)\s*$/.exec(stdout)?.[1] ?? ''))
  } catch {
    return undefined
  }
}

/**
 * Gives the upper half, and the core in the middle of an odd number, to the services; undefined below two
 * cores.
 */
export function splitCores(cores: readonly number[]): Pinning | undefined {
  const half = Math.floor(cores.length / 2)
  return half === 0
    ? undefined
    : { services: cores.slice(half).join(','), generator: cores.slice(0, half).join(',') }
}

/** The numbers of a CPU list such as `0,2-4`; none for anything else. */
export function parseCpuList(list: string): number[] {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) return []
  return list.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}

/** The command line that runs a command, with all its children, on `cores`. */
export function pinCommand(command: readonly string[], cores: string | undefined): string[] {
  return cores === undefined ? [...command] : ['taskset', '-c', cores, ...command]
}

/** Moves a process with all its threads to `cores`. Never throws: one that has ended need not be moved. */
export async function pinProcess(pid: number, cores: string): Promise<void> {
  const args = ['-acp', cores, String(pid)]
  await readOutput('taskset', args, { env: process.env, timeoutMs }).catch(() => undefined)
}

/** How many cores a process can keep busy: by its affinity, and by the quotas of its control groups. */
export function countUsableCores(pid: number): number {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1]
  const cores = list === undefined ? availableParallelism() : parseCpuList(list).length
  return Math.max(0.001, Math.min(cores, ...readQuotas(pid)))
}

// Both versions of control groups, and every group above: the narrowest applies.
function readQuotas(pid: number): number[] {
  return (readText(`/proc/${pid}/cgroup`) ?? '').split('\n').flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers !== '' && !controllers.split(',').includes('cpu')) return []
    const root = controllers === '' ? '/sys/fs/cgroup' : '/sys/fs/cgroup/cpu'
    return listAncestors(path)
      .map((folder) => readQuota(join(root, folder)))
      .filter((quota) => quota !== undefined)
  })
}

function readQuota(folder: string): number | undefined {
  const text =
    readText(join(folder, 'cpu.max')) ??
    `${readText(join(folder, 'cpu.cfs_quota_us'))} ${readText(join(folder, 'cpu.cfs_period_us'))}`
  const [quota, period] = text.trim().split(/\s+/).map(Number)
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined
}

function listAncestors(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '')
  return Array.from({ length: parts.length + 1 }, (_, depth) => `/${parts.slice(0, depth).join('/')}`)
}

const lowestPriority = 19

/**
 * Lowers this process' priority to the minimum until it is restored. Sorting a unit's journeys and judging it
 * takes tens of milliseconds in one piece, and a service that wants the core then waits a time slice or more
 * for it: on two cores, a third of the slowest requests were slow for this reason. Does nothing where it
 * cannot be undone (that takes root, or a service manager's permission), since processes started later
 * inherit the priority.
 *
 * @returns restores the priority
 */
export function lowerPriority(): () => void {
  const usual = getPriority()
  try {
    setPriority(Math.min(usual + 1, lowestPriority))
    setPriority(usual)
  } catch {
    return () => undefined
  }
  setPriority(lowestPriority)
  return () => setPriority(usual)
}
