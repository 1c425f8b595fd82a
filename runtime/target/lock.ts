import { createHash, randomUUID } from 'node:crypto'
import { link, lstat, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimHolder, errorCode, readHolder } from '../processes/index.ts'

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

/** `unavailable`: the file system refuses the lock, held or not: waiting would change nothing. */
export type LockResult =
  | { state: 'ok'; lock: TargetLock }
  | { state: 'busy'; holder: number; file: string }
  | { state: 'unavailable'; reason: string }
  | { state: 'interrupted' }

const pauseMs = 200
/** A lock that others take and release all the time is tried again this soon. */
const shortPauseMs = 10
const mostAttempts = 1000

/** Takes the target for one load. A stale lock, whose holder has ended, is taken over. */
export async function lockTarget(plan: LockPlan): Promise<LockResult> {
  const origin = createHash('sha256').update(new URL(plan.url).origin).digest('hex').slice(0, 16)
  const file = join(plan.folder, `vigil-${origin}.lock`)
  const deadline = performance.now() + plan.timeoutMs
  let isWaiting = false
  let attempts = 0
  while (!plan.signal.aborted) {
    const claimed = await claimHolder(file, plan.pid)
    if (claimed.state === 'ok') return { state: 'ok', lock: claimed.held }
    if (claimed.state === 'failed')
      return unavailable(
        file,
        `could not be created (${claimed.code})`,
        createAdvice(claimed.code, plan.folder),
      )
    const found = await readHolder(file)
    if (found.state === 'failed')
      return unavailable(file, `is there and could not be read (${found.code})`, removeAdvice(found.code))
    const holder = found.state === 'ok' ? found.holder : undefined
    if (holder?.isAlive) {
      if (performance.now() >= deadline) return { state: 'busy', holder: holder.pid, file }
      if (!isWaiting) plan.waiting(holder.pid)
      isWaiting = true
    } else {
      attempts += 1
      if (attempts > mostAttempts) return unavailable(file, 'is taken and released too often', 'run again')
      const code = await removeStale(file, found.state === 'ok' ? found.text : undefined)
      if (code !== undefined)
        return unavailable(file, `is stale and could not be removed (${code})`, removeAdvice(code))
    }
    await sleep(holder?.isAlive ? pauseMs : shortPauseMs, undefined, { signal: plan.signal }).catch(
      () => undefined,
    )
  }
  return { state: 'interrupted' }
}

function unavailable(file: string, problem: string, advice: string): LockResult {
  return { state: 'unavailable', reason: `the lock of the target ${file} ${problem}: ${advice}` }
}

function createAdvice(code: string, folder: string): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `free space in ${folder}, or set TMPDIR to another folder`
    case 'EROFS':
      return `${folder} is read-only; set TMPDIR to a folder that can be written`
    case 'ENOENT':
    case 'ENOTDIR':
      return `${folder} is no folder; create it, or set TMPDIR to one that exists`
    default:
      return `make ${folder} writable, or set TMPDIR to a folder that is`
  }
}

function removeAdvice(code: string): string {
  return code === 'EISDIR'
    ? 'it is a folder, expected a file; remove it'
    : 'it belongs to another user, or its folder cannot be written; ask them to remove it'
}

/**
 * Moves a stale lock away. Between reading it and moving it, another waiter may have done the same and taken
 * the lock; what was moved is then a live lock, and is put back.
 *
 * @param stale its content; undefined when it could not be found, as with a link that points nowhere
 * @returns why it could not be moved; undefined when it is gone
 */
async function removeStale(file: string, stale: string | undefined): Promise<string | undefined> {
  if (stale === undefined && (await isGone(file))) return undefined
  const moved = `${file}.${randomUUID()}.stale`
  try {
    await rename(file, moved)
  } catch (error) {
    const code = errorCode(error)
    // Another waiter has already moved it.
    return code === 'ENOENT' ? undefined : code
  }
  const found = await readHolder(moved)
  if (found.state === 'ok' && found.text !== stale) await link(moved, file).catch(() => undefined)
  await rm(moved, { force: true, recursive: true }).catch(() => undefined)
  return undefined
}

async function isGone(file: string): Promise<boolean> {
  return lstat(file).then(
    (found) => !found.isSymbolicLink(),
    () => true,
  )
}
