import { execFileSync } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from './owner.ts'

/**
 * Ends a PostgreSQL on `dir` that outlived its backend, and removes the lock file of one that has ended:
 * PostgreSQL refuses to start when any process has the pid in it. The caller has the data for itself.
 */
export async function endStaleServer(dir: string): Promise<void> {
  const lock = join(dir, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  const deadline = performance.now() + 8000
  let asked = false
  while (await isServerOf(pid, dir)) {
    if (performance.now() > deadline)
      throw new Error(`${dir}: in use by a PostgreSQL (process ${pid}) that does not end`)
    // Its supervising shell is ending it already; a second fast stop does no harm.
    if (!asked) trySignal(pid, 'SIGINT')
    else if (performance.now() > deadline - 4000) trySignal(pid, 'SIGQUIT')
    asked = true
    await sleep(50)
  }
  await rm(lock, { force: true })
}

/** By its command line: after a restart of the machine or container, any process may have this number. */
async function isServerOf(pid: number, dir: string): Promise<boolean> {
  if (!isAlive(pid) || pid === process.pid) return false
  const args = await readArguments(pid)
  return args.some((arg) => arg.endsWith('/postgres')) && args.includes(dir)
}

async function readArguments(pid: number): Promise<string[]> {
  if (process.platform === 'linux')
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 })
      .trim()
      .split(' ')
  } catch {
    return []
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // The process has ended in the meantime.
  }
}
