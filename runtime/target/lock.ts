import { createHash, randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Two loads at once on one target measure each other, so the second waits for the first. */
export interface TargetLock {
  release: () => Promise<void>
}

export interface LockPlan {
  url: string
  /** A folder that every vigil on this machine shares. */
  folder: string
  pid: number
  signal: AbortSignal
  timeoutMs: number
  /** Called once, when it has to wait. */
  waiting: (holder: number) => void
}

export type LockResult =
  | { state: 'locked'; lock: TargetLock }
  | { state: 'busy'; holder: number; file: string }
  | { state: 'aborted' }

const pauseMs = 200

/** Takes the target for one load. A lock whose holder is no longer alive is taken over. */
export async function lockTarget(plan: LockPlan): Promise<LockResult> {
  const file = join(
    plan.folder,
    `vigil-${createHash('sha256').update(new URL(plan.url).origin).digest('hex').slice(0, 16)}.lock`,
  )
  const deadline = performance.now() + plan.timeoutMs
  let told = false
  while (!plan.signal.aborted) {
    if (await claim(file, plan.pid))
      return { state: 'locked', lock: { release: async () => rm(file, { force: true }) } }
    const holder = await holderOf(file)
    if (holder === undefined) continue
    if (!isAlive(holder)) {
      await removeStale(file, holder)
      continue
    }
    if (performance.now() >= deadline) return { state: 'busy', holder, file }
    if (!told) plan.waiting(holder)
    told = true
    await sleep(pauseMs, undefined, { signal: plan.signal }).catch(() => undefined)
  }
  return { state: 'aborted' }
}

/** By link, not by creating: the lock appears with its holder's number in it or not at all. */
async function claim(file: string, pid: number): Promise<boolean> {
  const own = `${file}.${randomUUID()}`
  await writeFile(own, String(pid), { mode: 0o600 })
  try {
    await link(own, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(own, { force: true })
  }
}

/** undefined: it was released meanwhile. */
async function holderOf(file: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(file, 'utf8'), 10)
    // A file that vigil did not write counts as a dead holder's.
    return Number.isInteger(pid) && pid > 0 ? pid : 0
  } catch {
    return undefined
  }
}

/**
 * Moves a dead holder's lock out of the way. Between our look and the move another waiter may have done the same and taken
 * the lock: what we then moved is its live lock, and goes back.
 */
async function removeStale(file: string, dead: number): Promise<void> {
  const moved = `${file}.${randomUUID()}.stale`
  try {
    await rename(file, moved)
    if ((await holderOf(moved)) !== dead) await link(moved, file).catch(() => undefined)
  } catch {
    // Somebody else was faster.
  } finally {
    await rm(moved, { force: true })
  }
}

function isAlive(pid: number): boolean {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
