import { chmodSync, existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { claimHolder, formatHolder, parseHolder, readHolder, writeHolder } from './holder.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const folder = temporaryFolder('holder')

const boot =
  process.platform === 'linux' ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : ''

describe.runIf(boot !== '')('a holder', () => {
  it.each([
    ['of this pid with another start', `${process.pid} ${boot} 5 4026531836`, 0, false],
    [
      'that an earlier version noted, without its namespace',
      formatHolder(process.pid).split(' ').slice(0, 3).join(' '),
      1e9,
      true,
    ],
    ['in another container that touched its file just now', `1 ${boot} 5 7`, 9_999, true],
    ['in another container that has not for 10 s', `1 ${boot} 5 7`, 10_000, false],
    [
      'of an earlier boot that touched it long ago',
      '1 01234567-89ab-cdef-0123-456789abcdef 5 7',
      60_000,
      false,
    ],
    ['of which only a pid is known, used since', String(process.pid), 1e12, false],
    ['of which only a pid is known, running since before', String(process.pid), 0, true],
  ])('%s', (_, text, ageMs, isAlive) => {
    expect(parseHolder(text, ageMs).isAlive).toBe(isAlive)
  })
})

describe('a holder file', () => {
  it('is there once, names its holder, can be read by all whatever the umask is, and goes', async () => {
    const file = join(folder, 'one')
    const before = process.umask(0o077)
    const claimed = await claimHolder(file, process.pid).finally(() => process.umask(before))
    expect(statSync(file).mode & 0o777).toBe(0o644)
    expect(await claimHolder(file, process.pid)).toEqual({ state: 'exists' })
    expect(await readHolder(file)).toMatchObject({ holder: { pid: process.pid, isAlive: true } })
    if (claimed.state === 'ok') await claimed.held.release()
    expect(existsSync(file)).toBe(false)
  })

  it('is touched while it is held, and left alone when another has taken it over', async () => {
    const file = join(folder, 'two')
    const held = await writeHolder(file, process.pid)
    utimesSync(file, new Date(0), new Date(0))
    await expect.poll(() => statSync(file).mtimeMs, { timeout: 5000 }).toBeGreaterThan(1e12)
    writeFileSync(file, '1 another')
    await held.release()
    expect(readFileSync(file, 'utf8')).toBe('1 another')
  })

  it.each([
    ['a missing folder', join(folder, 'none', 'file'), 'ENOENT'],
    ['a file for a folder', join(folder, 'plain', 'file'), 'ENOTDIR'],
    ['/proc', '/proc/vigil-holder', 'ENOENT'],
  ])('in %s cannot be claimed: the code says why', async (_, file, code) => {
    writeFileSync(join(folder, 'plain'), '')
    expect(await claimHolder(file, process.pid)).toEqual({ state: 'failed', code })
  })

  it.runIf(process.getuid?.() !== 0)('that may not be read says so', async () => {
    const file = join(folder, 'secret')
    writeFileSync(file, '')
    chmodSync(file, 0)
    expect(await readHolder(file)).toEqual({ state: 'failed', code: 'EACCES' })
  })
})
