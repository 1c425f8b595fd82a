import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lockTarget } from './lock.ts'
import type { LockPlan } from './lock.ts'

const locks = mkdtempSync(join(tmpdir(), 'vigil-locks-'))
afterAll(() => rmSync(locks, { recursive: true, force: true }))

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

  it('ends the wait when interrupted', async () => {
    expect(await lockTarget(request({ signal: AbortSignal.abort() }))).toEqual({ state: 'interrupted' })
  })
})
