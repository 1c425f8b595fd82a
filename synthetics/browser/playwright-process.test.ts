import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createScratchFolder } from './playwright-process.ts'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'

const temporary = temporaryFolder('scratch-test')

// Above the highest process id of any system.
const unusedPid = 2 ** 30

it('is readable by its owner only, and old folders of killed probers are removed', async () => {
  const now = Date.now()
  const made = (name: string, ageMs: number): string => {
    const folder = join(temporary, name)
    mkdirSync(folder)
    utimesSync(folder, (now - ageMs) / 1000, (now - ageMs) / 1000)
    return folder
  }
  const [killed, reused, justKilled, running, foreign] = [
    made(`vigil-spec-${unusedPid}-a`, 7_200_000),
    made(`vigil-spec-${process.pid}_${randomUUID()}_5_7-d`, 7_200_000),
    made(`vigil-spec-${unusedPid}-b`, 60_000),
    made(`vigil-spec-${process.pid}-c`, 7_200_000),
    made('something-else', 7_200_000),
  ]
  const scratch = await createScratchFolder(temporary, process.pid, now)
  expect(statSync(scratch).mode & 0o777).toBe(0o700)
  expect([killed, reused, justKilled, running, foreign].map((folder) => existsSync(folder))).toEqual([
    false,
    false,
    true,
    true,
    true,
  ])
})
