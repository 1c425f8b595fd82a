import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const patienceMs = 8000

/**
 * Ends a PostgreSQL that an earlier stack left on `data`, and removes the lock of one that is gone: PostgreSQL itself
 * refuses to start when the number in it belongs to any living process, be it another program's by now.
 */
export async function endLeftover(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  const deadline = performance.now() + patienceMs
  for (let asked = false; await servesFrom(pid, data); asked = true) {
    if (performance.now() > deadline)
      throw new Error(`${data}: in use by a PostgreSQL (process ${pid}) that does not end`)
    // At once: its clients are of a stack that is gone. What was committed is replayed from its log.
    if (!asked) signal(pid)
    await sleep(50)
  }
  await rm(lock, { force: true })
}

async function servesFrom(pid: number, data: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const args = command.split('\0')
  return args.some((arg) => arg.endsWith('/postgres')) && args.includes(data)
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT')
  } catch {
    // It ended in between.
  }
}
