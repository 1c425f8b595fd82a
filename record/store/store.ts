import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Run, WallClock } from '../index.ts'
import { parseRun } from '../documents/index.ts'
import { readText, TextError } from './decode.ts'

/**
 * The one place of the core that touches the disk. Errors of the disk are thrown as they come; the caller
 * names them.
 */

const longestRecord = 256 * 2 ** 20

/**
 * Writes a file so that a reader, also after a crash or on a full disk, finds either the complete new text or
 * what was there before: temporary file, sync, rename, sync of the folder.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'w', 0o644)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Makes a folder and those above it, and syncs the folders that hold them: a power failure would otherwise
 * lose a new folder with every synced file in it.
 */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  // A folder that another part of this process made a moment ago is not synced either.
  const top = dirname(resolve(first ?? path))
  for (let at = dirname(resolve(path)); ; at = dirname(at)) {
    await syncFolder(at)
    if (at === top) return
  }
}

/** `<out>/runs/<id>/`, made if missing. */
export async function runFolder(out: string, id: string): Promise<string> {
  const folder = join(out, 'runs', id)
  await makeFolder(folder)
  return folder
}

const temporaryName = /\.(\d+)\.tmp$/
const minuteMs = 60_000
/** A process may write for a moment; another one may have the number of one that is dead. */
const oldMs = { dead: minuteMs, alive: 60 * minuteMs }

/**
 * Removes the temporary files that killed processes left in a folder, or in those up to two levels below it.
 * Never throws: they only take up space.
 */
export async function removeOldTemporaries(
  folder: string,
  { now, isAlive }: { now: WallClock; isAlive: (pid: number) => boolean },
  depth = 2,
): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && depth > 0) await removeOldTemporaries(path, { now, isAlive }, depth - 1)
    const pid = Number(temporaryName.exec(entry.name)?.[1] ?? 0)
    if (!entry.isFile() || pid === 0) continue
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }))
    if (now() - mtimeMs > (isAlive(pid) ? oldMs.alive : oldMs.dead))
      await rm(path, { force: true }).catch(() => undefined)
  }
}

export async function writeRecord(folder: string, run: Run): Promise<void> {
  await writeWhole(join(folder, 'record.json'), `${JSON.stringify(run)}\n`)
}

export type Stored =
  | { state: 'ok'; run: Run; folder: string }
  | { state: 'invalid'; problem: string; folder: string }

/**
 * Reads a run by its folder or its record file. A file that is missing, too large or damaged is refused with
 * its name.
 */
export async function readRecord(path: string): Promise<Stored> {
  const folder = basename(path).endsWith('.json') ? dirname(path) : path
  const file = folder === path ? join(path, 'record.json') : path
  try {
    const { size } = await stat(file)
    if (size > longestRecord)
      return {
        state: 'invalid',
        problem: `${file}: ${size} bytes, expected at most ${longestRecord}`,
        folder,
      }
    return { ...parseRun(await readText(file), file), folder }
  } catch (error) {
    if (error instanceof TextError) return { state: 'invalid', problem: error.message, folder }
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return {
      state: 'invalid',
      problem: `${file}: ${missing ? 'not there' : String(error)}, expected the record of a run`,
      folder,
    }
  }
}

/** Ids of the runs under `<out>/runs/`, newest first. */
export async function listRuns(out: string): Promise<string[]> {
  try {
    const entries = await readdir(join(out, 'runs'), { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted()
      .toReversed()
  } catch {
    return []
  }
}
