import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { listPids, readStat, readThreadsCpuMs } from '../processes/index.ts'

/**
 * Lets Node choose a free port when its inspector is opened by SIGUSR1. Until then it has no effect. Without
 * it, both sides of a duet would want port 9229.
 */
export const inspectorOption = '--inspect-port=0'

/** Options of Node with {@link inspectorOption}, unless they choose a port already. */
export function withInspectorPort(nodeOptions: string | undefined): string {
  if (nodeOptions?.includes('--inspect-port') || nodeOptions?.includes('--debug-port')) return nodeOptions
  return nodeOptions === undefined || nodeOptions.trim() === ''
    ? inspectorOption
    : `${nodeOptions} ${inspectorOption}`
}

/** A Node process that opens its inspector on SIGUSR1. Any other process would end by that signal. */
export function findNodeProcess(group: number): number | undefined {
  const found = listPids().filter((pid) => readStat(pid)?.group === group && opensInspector(pid))
  // A package manager or a cluster's primary is a Node process too: the one at work is meant.
  return found.toSorted((a, b) => (readThreadsCpuMs(b) ?? 0) - (readThreadsCpuMs(a) ?? 0))[0]
}

/** Number of SIGUSR1 on Linux. */
const sigusr1 = 10

function opensInspector(pid: number): boolean {
  try {
    if (!/^node(js)?(?: \(deleted\))?$/.test(basename(readlinkSync(`/proc/${pid}/exe`)))) return false
    const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return caught !== undefined && ((BigInt(`0x${caught}`) >> BigInt(sigusr1 - 1)) & 1n) === 1n
  } catch {
    return false
  }
}

const pollMs = 20
const openTimeoutMs = 3000

/**
 * Opens the inspector of a Node process on the loopback address. Returns its port. Not interruptible: a
 * process that stands still opens it when it goes on, and what was asked for has to be closed again.
 */
export async function openInspector(pid: number): Promise<number | undefined> {
  const before = new Set(listLoopbackPorts(pid))
  process.kill(pid, 'SIGUSR1')
  const deadline = performance.now() + openTimeoutMs
  while (performance.now() < deadline) {
    const opened = listLoopbackPorts(pid).find((port) => !before.has(port))
    if (opened !== undefined) return opened
    await sleep(pollMs)
  }
  return undefined
}

/** The ports on 127.0.0.1 at which a process listens. */
export function listLoopbackPorts(pid: number): number[] {
  try {
    const sockets = new Set(
      readdirSync(`/proc/${pid}/fd`).map((descriptor) => readDescriptor(`/proc/${pid}/fd/${descriptor}`)),
    )
    return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, address = '', , state, , , , , , inode] = line.trim().split(/\s+/)
        // 0A: listening. 0100007F: 127.0.0.1 in the machine's byte order.
        const isListening = state === '0A' && /^(?:0100007F|7F000001):/.test(address)
        return isListening && sockets.has(`socket:[${inode}]`)
          ? [Number.parseInt(address.split(':')[1] ?? '', 16)]
          : []
      })
  } catch {
    return []
  }
}

function readDescriptor(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // Closed meanwhile.
    return ''
  }
}
