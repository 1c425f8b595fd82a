import { createHash, randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatHolder, parseHolder } from '../processes/index.ts'

/** Two loads on one target at the same time would measure each other, so the second waits for the first. */
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
  /** Called once, when it has to wait, with the pid of the holder. */
  waiting: (holder: number) => void
}

export type LockResult =
  | { state: 'ok'; lock: TargetLock }
  | { state: 'busy'; holder: number; file: string }
  | { state: 'interrupted' }

const pauseMs = 200

/** Takes the target for one load. A stale lock, whose holder has ended, is taken over. */
export async function lockTarget(plan: LockPlan): Promise<LockResult> {
  const origin = createHash('sha256').update(new URL(plan.url).origin).digest('hex').slice(0, 16)
  const file = join(plan.folder, `vigil-${origin}.lock`)
  const deadline = performance.now() + plan.timeoutMs
  let isWaiting = false
  while (!plan.signal.aborted) {
    if (await claim(file, plan.pid))
      return { state: 'ok', lock: { release: async () => rm(file, { force: true }) } }
    const text = await readLock(file)
    if (text === undefined) continue
    const holder = parseHolder(text)
    if (!holder.isAlive) {
      await removeStale(file, text)
      continue
    }
    if (performance.now() >= deadline) return { state: 'busy', holder: holder.pid, file }
    if (!isWaiting) plan.waiting(holder.pid)
    isWaiting = true
    await sleep(pauseMs, undefined, { signal: plan.signal }).catch(() => undefined)
  }
  return { state: 'interrupted' }
}

/**
 * Links the lock into place instead of creating it there: it appears with its holder in it, or not at all.
 */
async function claim(file: string, pid: number): Promise<boolean> {
  const scratch = `${file}.${randomUUID()}`
  await writeFile(scratch, formatHolder(pid), { mode: 0o600 })
  try {
    await link(scratch, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(scratch, { force: true })
  }
}

/** undefined: it has been released. */
async function readLock(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}

/**
 * Moves a stale lock away. Between reading it and moving it, another waiter may have done the same and taken
 * the lock; what was moved is then a live lock, and is put back.
 */
async function removeStale(file: string, stale: string): Promise<void> {
  const moved = `${file}.${randomUUID()}.stale`
  try {
    await rename(file, moved)
    if ((await readLock(moved)) !== stale) await link(moved, file).catch(() => undefined)
  } catch {
    // Another waiter has already moved it.
  } finally {
    await rm(moved, { force: true })
  }
}
