import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { readOutputSync } from './child.ts'

/** Identifies one process. Its pid alone does not: the system gives the pid to another process later. */
export interface ProcessIdentity {
  pid: number
  /** When and where it started: boot, ticks and pid namespace, or the system's own format. */
  started: string
}

/** The identity of the process that has this pid now; undefined when there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const started = process.platform === 'linux' ? readStart(pid) : askStart(pid)
  return started === undefined ? undefined : { pid, started }
}

/** Whether exactly this process still runs. Earlier versions wrote a start without its pid namespace. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  const found = identifyProcess(pid)?.started
  return found !== undefined && (found === started || found.startsWith(`${started} `))
}

/**
 * Whether the process would be found here while it lives: `false` for a start that no process has, undefined
 * for one of another boot, machine or pid namespace, and for one that this user may not inspect.
 */
export function seesProcess({ pid, started }: ProcessIdentity): boolean | undefined {
  if (process.platform !== 'linux') return true
  const [, boot, namespace] = /^([0-9a-f-]{36}) \d+(?: (\d+))?$/.exec(started) ?? []
  if (boot === undefined) return false
  if (boot !== readBoot() || (namespace !== undefined && namespace !== readPidNamespace())) return undefined
  if (pid === process.pid) return true
  if (!isProcOfThisNamespace()) return undefined
  // With `hidepid`, processes of other users are there without being in /proc.
  return readStat(pid) !== undefined || !isAlive(pid) ? true : undefined
}

/** Whether any process has this pid; use {@link isRunning} where the start is known. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // It runs as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

// In ticks since the machine booted; the boot id distinguishes one boot from the next, and the pid namespace
// the process 1 of one container from that of another.
function readStart(pid: number): string | undefined {
  const stat = pid === process.pid || isProcOfThisNamespace() ? readStat(pid) : undefined
  const boot = readBoot()
  if (stat === undefined || boot === undefined || stat.state === 'Z') return undefined
  const namespace = readPidNamespace()
  return `${boot} ${stat.startTicks}${namespace === undefined ? '' : ` ${namespace}`}`
}

function readBoot(): string | undefined {
  return readText('/proc/sys/kernel/random/boot_id')?.trim()
}

function readPidNamespace(): string | undefined {
  return /\d+/.exec(readLink('/proc/self/ns/pid') ?? '')?.[0]
}

/** In a pid namespace of its own with the /proc of another, numbers in /proc are those of the other. */
function isProcOfThisNamespace(): boolean {
  return readLink('/proc/self') === String(process.pid)
}

/** When a process started, in milliseconds since 1970, to the second; undefined where it is not known. */
export function readStartMs(pid: number): number | undefined {
  const boot = /^btime (\d+)$/m.exec(readText('/proc/stat') ?? '')?.[1]
  const stat = readStat(pid)
  return boot === undefined || stat === undefined
    ? undefined
    : (Number(boot) + Number(stat.startTicks) / ticksPerSecond) * 1000
}

function askStart(pid: number): string | undefined {
  return readOutputSync('ps', ['-o', 'lstart=', '-p', String(pid)], 5000)?.trim() || undefined
}

/** What `/proc/<pid>/stat` says of a process, as far as it is used here. */
export interface ProcessStat {
  /** `Z`: a zombie, which has ended and waits for its parent. */
  state: string
  parent: number
  group: number
  /** CPU time so far, user and system, all threads, to the hundredth of a second. */
  cpuSeconds: number
  startTicks: string
}

/** Linux reports CPU time in hundredths of a second to programs, on every architecture that Node runs on. */
const ticksPerSecond = 100

export function readStat(pid: number): ProcessStat | undefined {
  const text = readText(`/proc/${pid === process.pid ? 'self' : pid}/stat`)
  if (text === undefined) return undefined
  // The process name stands in brackets before these fields and may itself hold spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    startTicks: fields[19] ?? '',
  }
}

/** The pids of this machine; none where there is no /proc. */
export function listPids(): number[] {
  return listNumbers('/proc')
}

/** A process' arguments, the program first; none for a zombie or one that has ended. */
export function readCommandLine(pid: number): string[] {
  const text = readText(`/proc/${pid}/cmdline`)
  return text === undefined || text === '' ? [] : text.replace(/\0$/, '').split('\0')
}

/** Resident memory of a process; undefined when it has ended. */
export function readResidentBytes(pid: number): number | undefined {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

/**
 * CPU time that a process' threads have used so far, in milliseconds, to the nanosecond: the ticks of {@link
 * readStat} are a hundredth of a second, which is what ten requests cost. The time of a thread that ends is
 * lost; those of a running service live on.
 */
export function readThreadsCpuMs(pid: number): number | undefined {
  const times = listNumbers(`/proc/${pid}/task`)
    .map((thread) => Number(readText(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0]))
    .filter(Number.isFinite)
  return times.length === 0 ? undefined : times.reduce((sum, ns) => sum + ns, 0) / 1e6
}

/**
 * {@link readThreadsCpuMs} over all processes of a group; undefined without /proc, or without such a group.
 */
export function readGroupCpuMs(group: number): number | undefined {
  const times = listPids().flatMap((pid) =>
    readStat(pid)?.group === group ? (readThreadsCpuMs(pid) ?? []) : [],
  )
  return times.length === 0 ? undefined : times.reduce((sum, ms) => sum + ms, 0)
}

/** What the processes of a group have used, as the system counts it. */
export interface GroupUsage {
  /** CPU milliseconds so far, by thread. */
  threads: ReadonlyMap<number, number>
  /** Sum over the processes: memory that they share counts for each. */
  rssBytes: number
}

/** Undefined without /proc, or without such a group. */
export function readGroupUsage(group: number): GroupUsage | undefined {
  const pids = listPids().filter((pid) => readStat(pid)?.group === group)
  const threads = new Map(
    pids.flatMap((pid) =>
      listNumbers(`/proc/${pid}/task`).flatMap((thread): [number, number][] => {
        const ns = Number(readText(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0])
        return Number.isFinite(ns) ? [[thread, ns / 1e6]] : []
      }),
    ),
  )
  const rssBytes = pids.reduce((sum, pid) => sum + (readResidentBytes(pid) ?? 0), 0)
  return threads.size === 0 ? undefined : { threads, rssBytes }
}

/**
 * CPU time of a process group, to the hundredth of a second and with threads that have ended; undefined
 * without it.
 */
export function readGroupCpuSeconds(group: number): number | undefined {
  const stats = listPids()
    .map((pid) => readStat(pid))
    .filter((stat) => stat?.group === group)
  return stats.length === 0 ? undefined : stats.reduce((sum, stat) => sum + (stat?.cpuSeconds ?? 0), 0)
}

/**
 * How long the calling thread has waited on the run queue since it began; undefined where the system does not
 * report it.
 */
export function readRunQueueWaitMs(): number | undefined {
  // Nanoseconds on a core, nanoseconds waiting for one, number of time slices.
  const waitedNs = readText('/proc/thread-self/schedstat')?.split(' ')[1]
  return waitedNs === undefined ? undefined : Number(waitedNs) / 1e6
}

/** CPU ticks of the whole machine since it booted. */
export function readMachineTicks(): { total: number; idle: number } {
  // user nice system idle iowait irq softirq steal: waiting for a disk counts as idle.
  const ticks = (/^cpu +(.*)$/m.exec(readText('/proc/stat') ?? '')?.[1] ?? '')
    .split(' ')
    .slice(0, 8)
    .map(Number)
  return { total: ticks.reduce((sum, part) => sum + part, 0), idle: (ticks[3] ?? 0) + (ticks[4] ?? 0) }
}

/** A file of /proc or /sys; undefined when it cannot be read. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

function listNumbers(folder: string): number[] {
  try {
    return readdirSync(folder)
      .map(Number)
      .filter((number) => Number.isInteger(number))
  } catch {
    return []
  }
}
