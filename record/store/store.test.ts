import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { countsOf, exampleRun, spread } from '../testing/examples/runs.ts'
import { runId } from '../environment.ts'
import {
  listRuns,
  makeFolder,
  readRecord,
  removeOldTemporaries,
  runFolder,
  writeRecord,
  writeWhole,
} from './store.ts'

const run = exampleRun({ 'a/b': countsOf(spread(40, 1, 9)) })
let out: string
beforeEach(() => (out = mkdtempSync(join(tmpdir(), 'vigil-store-'))))
afterEach(() => rmSync(out, { recursive: true, force: true }))

describe('the store', () => {
  it('reads back what it wrote, by folder and by file', async () => {
    const folder = await runFolder(out, run.id)
    await writeRecord(folder, run)
    expect(await readRecord(folder)).toEqual({ state: 'ok', run, folder })
    expect(await readRecord(join(folder, 'record.json'))).toEqual({ state: 'ok', run, folder })
  })

  it('leaves nothing but the file behind', async () => {
    await writeWhole(join(out, 'a.txt'), 'one')
    await writeWhole(join(out, 'a.txt'), 'two')
    expect(readdirSync(out)).toEqual(['a.txt'])
    expect(readFileSync(join(out, 'a.txt'), 'utf8')).toBe('two')
  })

  it('syncs the file before it is renamed, and each new folder in the one that holds it', async () => {
    const folder = join(out, 'runs', run.id)
    const file = join(folder, 'record.json')
    const handle = await open(out, 'r')
    const prototype = Object.getPrototypeOf(handle) as typeof handle
    await handle.close()
    const synced: string[] = []
    const sync = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: typeof handle) {
      const path = readlinkSync(`/proc/self/fd/${this.fd}`)
      synced.push(
        `${path.replace(out, '').replace(/\d+\.tmp$/, 'tmp')}${existsSync(file) ? ', renamed' : ''}`,
      )
    })
    try {
      await writeRecord(await runFolder(out, run.id), run)
      expect(synced).toEqual(['/runs', '', `/runs/${run.id}/record.json.tmp`, `/runs/${run.id}, renamed`])
      synced.length = 0
      // Another part of the process may have made it a moment ago.
      await makeFolder(folder)
      expect(synced).toEqual(['/runs, renamed'])
    } finally {
      sync.mockRestore()
    }
  })

  it('removes old temporary files: of dead processes after a minute, of others after an hour', async () => {
    const now = Date.parse('2026-11-29T12:00:00Z')
    const folder = await runFolder(out, run.id)
    const files = [
      ['record.json.11.tmp', 61, false],
      ['fresh.json.11.tmp', 59, true],
      ['written.json.22.tmp', 3599, true],
      ['stuck.json.22.tmp', 3601, false],
      ['record.json', 86_400, true],
      ['notes.tmp', 86_400, true],
    ] as const
    for (const [name, ageSeconds] of files)
      for (const at of [out, folder]) {
        writeFileSync(join(at, name), '')
        utimesSync(join(at, name), now / 1000 - ageSeconds, now / 1000 - ageSeconds)
      }
    await removeOldTemporaries(out, { now: () => now, isAlive: (pid) => pid === 22 })
    await removeOldTemporaries(join(out, 'nowhere'), { now: () => now, isAlive: () => false })
    const left = files.flatMap(([name, , stays]) => (stays ? [name] : [])).toSorted()
    expect(readdirSync(folder).toSorted()).toEqual(left)
    expect(readdirSync(out).toSorted()).toEqual([...left, 'runs'].toSorted())
  })

  it('lists runs newest first, and none where there is no folder', async () => {
    await runFolder(out, '20260102-000000-000-a-0000')
    await runFolder(out, '20260103-000000-000-a-0000')
    expect(await listRuns(out)).toEqual(['20260103-000000-000-a-0000', '20260102-000000-000-a-0000'])
    expect(await listRuns(join(out, 'nowhere'))).toEqual([])
  })

  it.each([
    ['missing', undefined, 'not there'],
    ['truncated', JSON.stringify(run).slice(0, 200), 'not JSON'],
    [
      'of bytes flipped',
      JSON.stringify(run).replace('"requests":40', '"requests":4'),
      'totals.requests: found 4',
    ],
  ])('refuses a %s record by name', async (_, text, problem) => {
    const folder = await runFolder(out, run.id)
    if (text !== undefined) writeFileSync(join(folder, 'record.json'), text)
    const read = await readRecord(folder)
    expect(read).toMatchObject({ state: 'invalid' })
    if (read.state === 'invalid') expect(read.problem).toContain(problem)
    if (read.state === 'invalid') expect(read.problem).toContain(join(folder, 'record.json'))
  })
})

// A real full disk: a file system of 64 KiB in memory. Mounting needs root, as CI and containers have.
const canMount = process.platform === 'linux' && process.getuid?.() === 0
describe.skipIf(!canMount)('on a full disk (needs root to mount a small one)', () => {
  let disk: string
  beforeEach(() => {
    disk = join(out, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
  })
  afterEach(() => execFileSync('umount', [disk]))

  it('keeps the earlier file byte for byte and leaves no half-written one', async () => {
    const file = join(disk, 'record.json')
    await writeWhole(file, 'the good one')
    await expect(writeWhole(file, 'x'.repeat(200_000))).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(readFileSync(file, 'utf8')).toBe('the good one')
    expect(readdirSync(disk)).toEqual(['record.json'])
    expect(existsSync(`${file}.${process.pid}.tmp`)).toBe(false)
  })
})

describe('a run id', () => {
  it('sorts by time and holds nothing that a path or a label could trip over', () => {
    const earlier = runId(
      () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
      () => 0.9,
      'a b/../c',
    )
    const later = runId(
      () => Date.UTC(2026, 0, 2, 3, 4, 5, 7),
      () => 0.1,
      'a',
    )
    expect(earlier).toMatch(/^20260102-030405-006-a-b-\.\.-c-[0-9a-z]{4}$/)
    expect(earlier < later).toBe(true)
  })
})
