import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ownerFile = 'todo-backend.owner'
/** How often the owner touches its file. */
const touchMs = 2000
/** An owner that cannot be seen from here has ended when its file was not touched for this long. */
const untouchedMs = 10_000
const pauseMs = 200

/**
 * Takes the data in `dir` for this process; throws a one-line error if another backend uses it. A pid alone
 * does not identify a backend: the system uses it again, and in every container the first process is 1. So
 * the file holds pid, start and pid namespace, and its owner touches it for those that cannot see its
 * process.
 *
 * @returns gives the data back
 */
export async function claimData(dir: string): Promise<() => Promise<void>> {
  const file = join(dir, ownerFile)
  const own = describeProcess(process.pid) ?? String(process.pid)
  while (!(await create(file, own))) {
    const owner = await readFile(file, 'utf8').catch(() => '')
    if (owner !== own && (await isInUse(file, owner)))
      throw new Error(
        `${dir}: in use by another backend (process ${owner.split(' ')[0]}): ` +
          'end it, or set EMBEDDED_POSTGRES_DIR or DATABASE_URL',
      )
    await rm(file, { force: true })
  }
  const touch = setInterval(() => {
    const now = new Date()
    utimes(file, now, now).catch(() => undefined)
  }, touchMs).unref()
  return async () => {
    clearInterval(touch)
    if ((await readFile(file, 'utf8').catch(() => '')) === own) await rm(file, { force: true })
  }
}

/** Linked into place: the file appears with its owner in it, or not at all. */
async function create(file: string, owner: string): Promise<boolean> {
  const scratch = `${file}.${randomUUID()}`
  await writeFile(scratch, owner)
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

async function isInUse(file: string, owner: string): Promise<boolean> {
  const [, digits = '', boot = '', ticks = '', namespace = ''] =
    /^(\d+)(?: (\S+) (\d+) (\d+))?$/.exec(owner.trim()) ?? []
  const pid = Number(digits)
  if (boot === '') return pid !== process.pid && isAlive(pid)
  if (boot === readBoot() && namespace === readNamespace() && (await canSee(pid)))
    return describeProcess(pid) === `${pid} ${boot} ${ticks} ${namespace}`
  return isTouched(file)
}

/** Waits for the next touch, because an owner that has just crashed has left a file as new. */
async function isTouched(file: string): Promise<boolean> {
  const first = await touchedMs(file)
  while (Date.now() - first < untouchedMs) {
    if ((await touchedMs(file)) !== first) return true
    await sleep(pauseMs)
  }
  return false
}

async function touchedMs(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}

/** `<pid> <boot> <ticks from boot to start> <pid namespace>`; undefined without such a process or /proc. */
function describeProcess(pid: number): string | undefined {
  const [boot, namespace] = [readBoot(), readNamespace()]
  const line = readText(`/proc/${pid === process.pid ? 'self' : pid}/stat`)
  if (boot === undefined || namespace === undefined || line === undefined) return undefined
  // The process name stands in brackets before these fields and may itself hold spaces and brackets.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : `${pid} ${boot} ${fields[19]} ${namespace}`
}

/** False where /proc shows another pid namespace, or hides processes of other users. */
async function canSee(pid: number): Promise<boolean> {
  if (readLink('/proc/self') !== String(process.pid)) return false
  return readText(`/proc/${pid}/stat`) !== undefined || !isAlive(pid)
}

function readBoot(): string | undefined {
  return readText('/proc/sys/kernel/random/boot_id')?.trim()
}

function readNamespace(): string | undefined {
  return /\d+/.exec(readLink('/proc/self/ns/pid') ?? '')?.[0]
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function readLink(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}

/** Whether any process has this pid, a zombie too. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
