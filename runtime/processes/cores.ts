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

/**
 * Where control groups are mounted, and what `/proc/<pid>/cgroup` says of a process; tests pass their own.
 */
export interface ControlGroups {
  root: string
  membership: string
}

function controlGroupsOf(pid: number): ControlGroups {
  return { root: '/sys/fs/cgroup', membership: readText(`/proc/${pid}/cgroup`) ?? '' }
}

/** How many cores a process can keep busy: by its affinity, and by the quotas of its control groups. */
export function countUsableCores(pid: number, groups = controlGroupsOf(pid)): number {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1]
  const cores = list === undefined ? availableParallelism() : parseCpuList(list).length
  const quotas = listGroupFolders(groups).flatMap((folder) => readQuota(folder) ?? [])
  return Math.max(0.001, Math.min(cores, ...quotas))
}

/** How a CPU quota stopped a process over a stretch of time. */
export interface Throttling {
  quotaCores: number
  /** Share of the quota's periods (usually 100 ms) in which it was used up, 0..1. */
  periodsRatio: number
  /** Share of the time in which the processes under it were stopped, 0..1. */
  stoppedRatio: number
}

/**
 * Watches the quotas of a process' control groups from now on, of both versions. A quota stops everything
 * under it, however idle the machine is: neither load averages nor idle cores show it.
 *
 * @returns call it for the worst since; undefined where no quota applies
 */
export function watchThrottling(
  pid: number,
  nowMs: () => number,
  groups = controlGroupsOf(pid),
): () => Throttling | undefined {
  const startMs = nowMs()
  const before = new Map(listGroupFolders(groups).map((folder) => [folder, readThrottleCounts(folder)]))
  return () => {
    const wallMs = nowMs() - startMs
    const found = [...before].flatMap(([folder, from]): Throttling[] => {
      const [quotaCores, to] = [readQuota(folder), readThrottleCounts(folder)]
      if (quotaCores === undefined || from === undefined || to === undefined || wallMs <= 0) return []
      const periods = to.periods - from.periods
      return [
        {
          quotaCores,
          periodsRatio: toShare(to.throttled - from.throttled, periods),
          // Summed over cores by the kernel, so it can exceed the time that has passed.
          stoppedRatio: toShare(to.stoppedMs - from.stoppedMs, wallMs),
        },
      ]
    })
    return found.toSorted((one, other) => other.periodsRatio - one.periodsRatio)[0]
  }
}

function toShare(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.round(Math.min(1, Math.max(0, part / whole)) * 1000) / 1000
}

/** What `cpu.stat` counts; undefined where the group has no such file. */
function readThrottleCounts(
  folder: string,
): { periods: number; throttled: number; stoppedMs: number } | undefined {
  const text = readText(join(folder, 'cpu.stat'))
  if (text === undefined) return undefined
  const counts = new Map(
    text.split('\n').map((line): [string, number] => {
      const [name = '', value = ''] = line.trim().split(/\s+/)
      return [name, Number(value)]
    }),
  )
  const count = (name: string): number => counts.get(name) ?? 0
  return {
    periods: count('nr_periods'),
    throttled: count('nr_throttled'),
    // Microseconds in version 2, nanoseconds in version 1.
    stoppedMs: counts.has('throttled_usec') ? count('throttled_usec') / 1e3 : count('throttled_time') / 1e6,
  }
}

// Both versions of control groups, and every group above: the narrowest applies. In a container, the mount
// may show its own group where `/proc` names the group outside, so the root counts too.
function listGroupFolders({ root, membership }: ControlGroups): string[] {
  return membership.split('\n').flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (line === '' || (controllers !== '' && !controllers.split(',').includes('cpu'))) return []
    const mount = controllers === '' ? root : join(root, 'cpu')
    return listAncestors(path).map((folder) => join(mount, folder))
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
