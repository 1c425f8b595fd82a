import { readdir, rm, mkdtemp, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from '../../runtime/processes/index.ts'

const prefix = 'vigil-spec-'
const hourMs = 3_600_000

/**
 * A folder for what Playwright writes, which nobody else may read. Removes those that probers left which were killed: their
 * traces have all secrets in them. By age and by process, for processes of another container are not seen from here.
 */
export async function scratchFolder(temporary: string, pid: number, nowMs: number): Promise<string> {
  const left = (await readdir(temporary)).filter(
    (name) => name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length).split('-')[0])),
  )
  for (const name of left) {
    const folder = join(temporary, name)
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: nowMs }))
    // Somebody else's cannot be removed, and need not be by us.
    if (nowMs - mtimeMs > hourMs) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
  return mkdtemp(join(temporary, `${prefix}${pid}-`))
}
