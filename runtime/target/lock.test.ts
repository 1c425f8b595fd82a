import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lockTarget } from './lock.ts'
import type { LockPlan, LockResult } from './lock.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const locks = temporaryFolder('locks')

const request = (changes: Partial<LockPlan> = {}): LockPlan => ({
  url: 'http://127.0.0.1:8000/',
  folder: locks,
  pid: process.pid,
  signal: new AbortController().signal,
  timeoutMs: 0,
  waiting: () => undefined,
  ...changes,
})

describe('the lock of a target', () => {
  it('is held by one at a time, whatever path the URL ends in', async () => {
    const first = await lockTarget(request())
    expect(first.state).toBe('ok')
    expect(await lockTarget(request({ url: 'http://127.0.0.1:8000/other' }))).toMatchObject({
      state: 'busy',
      holder: process.pid,
    })
    expect((await lockTarget(request({ url: 'http://127.0.0.1:8001/' }))).state).toBe('ok')
    if (first.state === 'ok') await first.lock.release()
    expect((await lockTarget(request())).state).toBe('ok')
  })

  it('reports once that it waits, and gets the lock when it is released', async () => {
    const url = 'http://127.0.0.1:8002/'
    const first = await lockTarget(request({ url }))
    const holders: number[] = []
    const second = lockTarget(
      request({
        url,
        timeoutMs: 20_000,
        waiting: (holder) => {
          holders.push(holder)
          if (first.state === 'ok') void first.lock.release()
        },
      }),
    )
    expect((await second).state).toBe('ok')
    expect(holders).toEqual([process.pid])
  })

  it.each([
    ['of a process that has ended', '999999999'],
    ['of a process whose pid has been given to another', `${process.pid} another time`],
    ['with unknown content', 'hello'],
  ])('%s is stale: one of many takes it over', async (name, content) => {
    const url = `http://${name.replaceAll(/\W/g, '')}.example/`
    const before = new Set(readdirSync(locks))
    await lockTarget(request({ url }))
    const file = readdirSync(locks).find((entry) => !before.has(entry)) ?? ''
    writeFileSync(join(locks, file), content)
    const results = await Promise.all([1, 2, 3, 4].map(async () => lockTarget(request({ url }))))
    expect(results.filter((result) => result.state === 'ok')).toHaveLength(1)
    expect(readFileSync(join(locks, file), 'utf8')).toMatch(new RegExp(`^${process.pid} `))
  })

  it('of an earlier version, which wrote only the pid, is kept', async () => {
    const url = 'http://127.0.0.1:8004/'
    const before = new Set(readdirSync(locks))
    await lockTarget(request({ url }))
    const file = readdirSync(locks).find((entry) => !before.has(entry)) ?? ''
    writeFileSync(join(locks, file), String(process.pid))
    expect(await lockTarget(request({ url }))).toMatchObject({ state: 'busy', holder: process.pid })
  })

  const lockOf = async (url: string): Promise<string> => {
    const before = new Set(readdirSync(locks))
    const locked = await lockTarget(request({ url }))
    const file = join(locks, readdirSync(locks).find((entry) => !before.has(entry)) ?? '')
    if (locked.state === 'ok') await locked.lock.release()
    return file
  }

  it('can be read by every user', async () => {
    const url = 'http://127.0.0.1:8005/'
    const file = await lockOf(url)
    const locked = await lockTarget(request({ url }))
    expect(statSync(file).mode & 0o777).toBe(0o644)
    if (locked.state === 'ok') await locked.lock.release()
  })

  it('that is a folder is said immediately, not waited for', async () => {
    const url = 'http://127.0.0.1:8006/'
    mkdirSync(await lockOf(url))
    expect(await lockTarget(request({ url, timeoutMs: 60_000 }))).toEqual({
      state: 'unavailable',
      reason: expect.stringMatching(/\.lock is there and could not be read \(EISDIR\): .*remove it/),
    })
  })

  it('that is a link to nowhere is stale', async () => {
    const url = 'http://127.0.0.1:8007/'
    symlinkSync('/nowhere/at/all', await lockOf(url))
    const locked = await lockTarget(request({ url }))
    expect(locked.state).toBe('ok')
    if (locked.state === 'ok') await locked.lock.release()
  })

  it.each([
    ['that is not there', '/nowhere/at/all', 'ENOENT', 'TMPDIR'],
    ['that is a file', '/etc/passwd', 'ENOTDIR', 'TMPDIR'],
  ])('in a folder %s is unavailable, with what to do', async (_, folder, code, advice) => {
    const locked = await lockTarget(request({ folder, timeoutMs: 60_000 }))
    expect(locked).toMatchObject({ state: 'unavailable', reason: expect.stringContaining(`(${code})`) })
    expect(locked).toMatchObject({ reason: expect.stringContaining(advice) })
  })

  it.runIf(process.getuid?.() === 0)('of root stops another user only while root holds it', async () => {
    const shared = mkdtempSync(join(tmpdir(), 'vigil-locks-shared-'))
    chmodSync(shared, 0o1777)
    const asOtherUser = (timeoutMs: number) => {
      const module = new URL('lock.ts', import.meta.url).href
      const plan = JSON.stringify({ url: 'http://127.0.0.1:8008/', folder: shared, timeoutMs })
      const script = `const { lockTarget } = await import(${JSON.stringify(module)})
        const signal = new AbortController().signal
        console.log(JSON.stringify(await lockTarget({ ...${plan}, pid: process.pid, signal, waiting() {} })))`
      const args = ['--input-type=module', '-e', script]
      const otherUser = { uid: 65_534, gid: 65_534, cwd: '/', timeout: 20_000 }
      return JSON.parse(
        execFileSync(process.execPath, args, { ...otherUser, encoding: 'utf8' }),
      ) as LockResult
    }
    const url = 'http://127.0.0.1:8008/'
    const held = await lockTarget(request({ url, folder: shared }))
    expect(asOtherUser(300)).toMatchObject({ state: 'busy', holder: process.pid })
    const [name = ''] = readdirSync(shared)
    const file = join(shared, name)
    chmodSync(file, 0o600)
    expect(asOtherUser(60_000)).toMatchObject({
      state: 'unavailable',
      reason: expect.stringContaining('(EACCES)'),
    })
    if (held.state === 'ok') await held.lock.release()
    writeFileSync(file, '999999999 another time', { mode: 0o644 })
    expect(asOtherUser(60_000)).toMatchObject({
      state: 'unavailable',
      reason: expect.stringMatching(/is stale and could not be removed \((EPERM|EACCES)\)/),
    })
    rmSync(file)
    expect(asOtherUser(0)).toMatchObject({ state: 'ok' })
    rmSync(shared, { recursive: true })
  })

  it('ends the wait when interrupted', async () => {
    expect(await lockTarget(request({ signal: AbortSignal.abort() }))).toEqual({ state: 'interrupted' })
  })
})
