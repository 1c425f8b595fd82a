import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const ownerFile = 'todo-backend.owner'

export function toOwnerPath(dir: string): string {
  return join(dir, ownerFile)
}

/**
 * Ends a PostgreSQL on `dir` that outlived its backend. Throws a one-line error if its backend is still
 * running.
 */
export async function endStaleServer(dir: string): Promise<void> {
  const deadline = performance.now() + 8000
  let asked = false
  for (;;) {
    const postmaster = await runningPostmaster(dir)
    if (postmaster === undefined) return
    const owner = await readNumber(toOwnerPath(dir))
    if (owner !== undefined && owner !== process.pid && isAlive(owner)) {
      throw new Error(
        `${dir}: in use by another backend (process ${owner}): ` +
          'end it, or set EMBEDDED_POSTGRES_DIR or DATABASE_URL',
      )
    }
    if (performance.now() > deadline)
      throw new Error(`${dir}: in use by a PostgreSQL (process ${postmaster}) that does not end`)
    // Its supervising shell is ending it already; a second fast stop does no harm.
    if (!asked) trySignal(postmaster, 'SIGINT')
    else if (performance.now() > deadline - 4000) trySignal(postmaster, 'SIGQUIT')
    asked = true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function runningPostmaster(dir: string): Promise<number | undefined> {
  const pid = await readNumber(join(dir, 'postmaster.pid'))
  if (pid === undefined || !isAlive(pid) || pid === process.pid) return undefined
  // After a restart of the machine or container, another process may have this number.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'postgres')
  return command.includes('postgres') ? pid : undefined
}

async function readNumber(path: string): Promise<number | undefined> {
  const content = await readFile(path, 'utf8').catch(() => '')
  const first = Number.parseInt(content, 10)
  return Number.isSafeInteger(first) && first > 1 ? first : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // The process has ended in the meantime.
  }
}
