import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countsOf, exampleRun, spread } from '../testing/examples/runs.ts'
import { runId } from '../environment.ts'
import { listRuns, readRecord, runFolder, writeRecord, writeWhole } from './store.ts'

const run = exampleRun({ 'a/b': countsOf(spread(40, 1, 9)) })
let out: string
beforeEach(() => (out = mkdtempSync(join(tmpdir(), 'vigil-store-'))))
afterEach(() => rmSync(out, { recursive: true, force: true }))

describe('the store', () => {
  it('reads back what it wrote, by folder and by file', async () => {
    const folder = await runFolder(out, run.id)
    await writeRecord(folder, run)
    expect(await readRecord(folder)).toEqual({ state: 'read', run, folder })
    expect(await readRecord(join(folder, 'record.json'))).toEqual({ state: 'read', run, folder })
  })

  it('leaves nothing but the file behind', async () => {
    await writeWhole(join(out, 'a.txt'), 'one')
    await writeWhole(join(out, 'a.txt'), 'two')
    expect(readdirSync(out)).toEqual(['a.txt'])
    expect(readFileSync(join(out, 'a.txt'), 'utf8')).toBe('two')
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
    expect(read).toMatchObject({ state: 'refused' })
    if (read.state === 'refused') expect(read.problem).toContain(problem)
    if (read.state === 'refused') expect(read.problem).toContain(join(folder, 'record.json'))
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
