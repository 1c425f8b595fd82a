import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process beyond doubt: its number is given to others once it is gone, its number and its start are not. */
export interface ProcessIdentity {
  pid: number
  /** When it started, as the system counts it. */
  started: string
}

export function identify(pid: number): ProcessIdentity | undefined {
  const started = process.platform === 'linux' ? startedLinux(pid) : startedElsewhere(pid)
  return started === undefined ? undefined : { pid, started }
}

/** Whether that very process still runs. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  return identify(pid)?.started === started
}

// Field 22, in ticks since the machine started; the boot's own identity tells one start of the machine from the next.
function startedLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may itself have spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return fields[0] === 'Z' ? undefined : `${boot} ${fields[19] ?? ''}`
  } catch {
    return undefined
  }
}

function startedElsewhere(pid: number): string | undefined {
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 5000,
      }).trim() || undefined
    )
  } catch {
    return undefined
  }
}
