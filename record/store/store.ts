import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Run } from '../index.ts'
import { parseRun } from '../documents/index.ts'

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

/** `<out>/runs/<id>/`, made if missing. */
export async function runFolder(out: string, id: string): Promise<string> {
  const folder = join(out, 'runs', id)
  await mkdir(folder, { recursive: true })
  return folder
}

export async function writeRecord(folder: string, run: Run): Promise<void> {
  await writeWhole(join(folder, 'record.json'), `${JSON.stringify(run)}\n`)
}

export type Stored =
  | { state: 'read'; run: Run; folder: string }
  | { state: 'refused'; problem: string; folder: string }

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
        state: 'refused',
        problem: `${file}: ${size} bytes, expected at most ${longestRecord}`,
        folder,
      }
    return { ...parseRun(await readFile(file, 'utf8'), file), folder }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return {
      state: 'refused',
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
