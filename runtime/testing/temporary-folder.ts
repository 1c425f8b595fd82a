import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A folder for a test file. It is removed when all tests of the file have ended. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `vigil-${name}-`))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
