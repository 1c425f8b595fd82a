import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { LogFiles } from './log-files.ts'

let folder: string
let now: number
let elsewhere: string

beforeEach(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'todo-logs-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  folder = join(parent, 'logs')
  now = Date.parse('2026-11-24T12:00:00Z')
  elsewhere = ''
})

const openFiles = (): LogFiles => {
  const fallback = (lines: string): void => void (elsewhere += lines)
  const notices = pino(
    { base: null, timestamp: false, formatters: { level: (level) => ({ level }) } },
    { write: fallback },
  )
  return new LogFiles({ folder, now: () => now, fallback, notices })
}
const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
const warnings = (): number => elsewhere.match(/"level":"warn".*"log files cannot be written/g)?.length ?? 0

describe('log files', () => {
  test('are one for each stream and day, only for their owner and group', async () => {
    const files = openFiles()
    files.write('application', 'one\n')
    files.write('audit', 'two\n')
    files.write('application', 'three\n')
    await files.flush()
    expect(await readdir(folder)).toEqual(['application-2026-11-24.log', 'audit-2026-11-24.log'])
    expect(await read('application-2026-11-24.log')).toBe('one\nthree\n')
    expect((await stat(join(folder, 'audit-2026-11-24.log'))).mode & 0o777).toBe(0o640 & ~process.umask())
  })

  test('start a new file at midnight, even if lines of both days are written together', async () => {
    const files = openFiles()
    now = Date.parse('2026-11-24T23:59:59.999Z')
    files.write('security', 'before\n')
    now += 1
    files.write('security', 'after\n')
    await files.flush()
    expect([await read('security-2026-11-24.log'), await read('security-2026-11-25.log')]).toEqual([
      'before\n',
      'after\n',
    ])
  })

  test('go on after a restart, and take the lines of two instances', async () => {
    const [one, other] = [openFiles(), openFiles()]
    one.write('error', 'one\n')
    await one.close()
    other.write('error', 'other\n')
    await other.close()
    expect(await read('error-2026-11-24.log')).toBe('one\nother\n')
  })

  test('are deleted after their retention, at the start and at midnight', async () => {
    await mkdir(folder)
    for (const name of ['application-2026-10-24.log', 'application-2026-10-25.log', 'notes-2020-01-01.log'])
      await writeFile(join(folder, name), '')
    await mkdir(join(folder, 'application-2020-01-01.log'))
    await symlink('/dev/null', join(folder, 'audit-2020-01-01.log'))
    const others = ['application-2020-01-01.log', 'audit-2020-01-01.log', 'notes-2020-01-01.log']
    const files = openFiles()
    await files.flush()
    expect((await readdir(folder)).toSorted()).toEqual([
      'application-2020-01-01.log',
      'application-2026-10-25.log',
      ...others.slice(1),
    ])
    now += 24 * 3600_000
    await files.flush()
    expect((await readdir(folder)).toSorted()).toEqual(others)
  })
})

describe('when the disk is full', () => {
  // The device that has no space, in place of the file.
  const fill = async (): Promise<void> => {
    await mkdir(folder, { recursive: true })
    await symlink('/dev/full', join(folder, 'application-2026-11-24.log'))
  }

  test('lines go elsewhere, with one warning, and come back once there is room', async () => {
    await fill()
    const files = openFiles()
    for (const line of ['one\n', 'two\n']) {
      files.write('application', line)
      await files.flush()
    }
    expect([warnings(), elsewhere.endsWith('one\ntwo\n')]).toEqual([1, true])
    await rm(join(folder, 'application-2026-11-24.log'))
    now += 10_000
    files.write('application', 'three\n')
    await files.flush()
    expect(await read('application-2026-11-24.log')).toBe('three\n')
    expect(elsewhere).toMatch(/"level":"info".*"log files are written again"\}\n$/)
  })

  test('a line that was cut off is not gone on with', async () => {
    await mkdir(folder)
    await writeFile(join(folder, 'application-2026-11-24.log'), '{"half')
    const files = openFiles()
    for (const line of ['one\n', 'two\n']) {
      files.write('application', line)
      await files.flush()
    }
    expect(await read('application-2026-11-24.log')).toBe('{"half\none\ntwo\n')
  })

  test('waiting lines are bounded: more go to the fallback immediately', () => {
    const files = openFiles()
    const line = `${'x'.repeat(1024 * 1024)}\n`
    for (let written = 0; written < 6; written += 1) files.write('application', line)
    expect(elsewhere.length).toBeGreaterThan(2 * line.length)
    expect(warnings()).toBe(1)
  })
})

describe('when the folder', () => {
  test('is gone, lines go elsewhere with one warning', async () => {
    const files = openFiles()
    files.write('audit', 'one\n')
    await files.flush()
    await rm(folder, { recursive: true })
    for (const line of ['two\n', 'three\n']) {
      files.write('audit', line)
      await files.flush()
    }
    expect([warnings(), elsewhere.endsWith('two\nthree\n')]).toEqual([1, true])
  })

  test('cannot be made, it is the same', async () => {
    folder = '/dev/null/logs'
    const files = openFiles()
    files.write('audit', 'one\n')
    await files.close()
    expect([warnings(), elsewhere.endsWith('one\n')]).toEqual([1, true])
  })
})
