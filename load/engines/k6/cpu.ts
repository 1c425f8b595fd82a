import { readFileSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** Linux counts CPU time in hundredths of a second towards programs, on every architecture that Node runs on. */
const ticksPerSecond = 100

/** Shares, 0..1. */
export interface CpuWork {
  /** CPU time of the process group over the CPU time it could have used. */
  cpuRatio: number
  /** CPU time that the whole machine had left. */
  machineIdle: number
}

/**
 * Watches the CPU time of a process group from now on: k6, and whatever was put around it.
 *
 * @returns call it for the work since; undefined where there is no /proc, or when the group is gone
 */
export function watchCpu(group: number, nowMs: () => number): () => CpuWork | undefined {
  const beganAt = nowMs()
  const began = cpuSeconds(group)
  const machineBegan = machineTicks()
  return () => {
    const now = cpuSeconds(group)
    const wallSeconds = (nowMs() - beganAt) / 1000
    if (began === undefined || now === undefined || wallSeconds <= 0) return undefined
    const machine = machineTicks()
    const all = machine.all - machineBegan.all
    return {
      cpuRatio: thousandths((now - began) / (wallSeconds * coresOf(group))),
      machineIdle: all > 0 ? thousandths((machine.idle - machineBegan.idle) / all) : 1,
    }
  }
}

// user nice system idle iowait irq softirq steal: waiting for a disk is idle too.
function machineTicks(): { all: number; idle: number } {
  const ticks = (/^cpu +(.*)$/m.exec(textOf('/proc/stat') ?? '')?.[1] ?? '')
    .split(' ')
    .slice(0, 8)
    .map(Number)
  return { all: ticks.reduce((sum, part) => sum + part, 0), idle: (ticks[3] ?? 0) + (ticks[4] ?? 0) }
}

function thousandths(ratio: number): number {
  return Math.round(ratio * 1000) / 1000
}

function cpuSeconds(group: number): number | undefined {
  const used = processes()
    .map((pid) => statOf(pid))
    .filter((stat) => stat?.group === group)
  return used.length === 0
    ? undefined
    : used.reduce((sum, stat) => sum + (stat?.ticks ?? 0), 0) / ticksPerSecond
}

function processes(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid))
  } catch {
    return []
  }
}

function statOf(pid: number): { group: number; ticks: number } | undefined {
  const text = textOf(`/proc/${pid}/stat`)
  // The name before it is in brackets and may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields === undefined
    ? undefined
    : { group: Number(fields[2]), ticks: Number(fields[11]) + Number(fields[12]) }
}

/** How many cores a process may keep busy: by its affinity, and by the quotas of its control groups. */
function coresOf(pid: number): number {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1]
  const cores = allowed === undefined ? availableParallelism() : countList(allowed)
  return Math.max(0.001, Math.min(cores, ...quotas(pid)))
}

// Both versions of control groups, and every group above: the narrowest binds.
function quotas(pid: number): number[] {
  return (textOf(`/proc/${pid}/cgroup`) ?? '').split('\n').flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers !== '' && !controllers.split(',').includes('cpu')) return []
    const root = controllers === '' ? '/sys/fs/cgroup' : '/sys/fs/cgroup/cpu'
    return ancestors(path)
      .map((folder) => quotaOf(join(root, folder)))
      .filter((quota) => quota !== undefined)
  })
}

function quotaOf(folder: string): number | undefined {
  const [quota, period] = (
    textOf(join(folder, 'cpu.max')) ??
    `${textOf(join(folder, 'cpu.cfs_quota_us'))} ${textOf(join(folder, 'cpu.cfs_period_us'))}`
  )
    .split(/\s+/)
    .map(Number)
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined
}

function ancestors(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '')
  return Array.from({ length: parts.length + 1 }, (_, depth) => `/${parts.slice(0, depth).join('/')}`)
}

function countList(list: string): number {
  return list.split(',').reduce((sum, range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return sum + to - from + 1
  }, 0)
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
