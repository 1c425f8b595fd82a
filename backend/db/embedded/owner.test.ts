import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { claimData } from './owner.ts'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'todo-owner-'))
  file = join(dir, 'todo-backend.owner')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const isLinux = process.platform === 'linux'
const boot = isLinux ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : ''

/** Keeps a file as a living owner in another container does. */
function keepTouching(): void {
  const touching = setInterval(() => utimesSync(file, new Date(), new Date()), 300)
  onTestFinished(() => clearInterval(touching))
}

test('the data of a running process belongs to it, and to the next one when it is given back', async () => {
  const release = await claimData(dir)
  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${process.pid}\\b`))
  await release()
  expect(existsSync(file)).toBe(false)
})

describe.runIf(isLinux)('the owner of the data', () => {
  const stale: [string, string][] = [
    ['a process that has ended', `999999999 ${boot} 5 4026531836`],
    ['this pid, which another process had before', `${process.pid} ${boot} 5 4026531836`],
    ['only this pid, by an earlier version in a container', String(process.pid)],
    ['unreadable', 'hello'],
  ]
  test.each(stale)('that is %s gives way', async (_, owner) => {
    writeFileSync(file, owner)
    const release = await claimData(dir)
    expect(readFileSync(file, 'utf8')).toContain(` ${boot} `)
    await release()
  })

  const elsewhere: [string, string][] = [
    ['process 1 of another container', `1 ${boot} 5 7`],
    ['this pid in another container', `${process.pid} ${boot} 5 7`],
    ['a process of another machine', '1 01234567-89ab-cdef-0123-456789abcdef 5 4026531836'],
  ]
  test.each(elsewhere)('that is %s keeps it while it touches the file', async (_, owner) => {
    writeFileSync(file, owner)
    keepTouching()
    await expect(claimData(dir)).rejects.toThrow(/^[^\n]*: in use by another backend \(process \d+\)/)
    expect(readFileSync(file, 'utf8')).toBe(owner)
  })

  test.each(elsewhere)('that is %s and has not touched the file for 10 s gives way', async (_, owner) => {
    writeFileSync(file, owner)
    utimesSync(file, new Date(), new Date(Date.now() - 10_500))
    const release = await claimData(dir)
    expect(readFileSync(file, 'utf8')).not.toBe(owner)
    await release()
  })
})

const hasNamespaces = ((): boolean => {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore', timeout: 5000 })
    return true
  } catch {
    return false
  }
})()

// Without it, that two containers are kept apart is tested by the files above only.
test.runIf(hasNamespaces)(
  'a real process 1 in a pid namespace keeps its data from another one',
  async () => {
    const module = new URL('owner.ts', import.meta.url).href
    const script = `
    const { claimData } = await import(${JSON.stringify(module)})
    await claimData(${JSON.stringify(dir)}).then(
      () => console.log('taken by', process.pid),
      (error) => { console.log(error.message); process.exit(1) },
    )
    setInterval(() => undefined, 1000)`
    const start = () => {
      const args = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath]
      const child = spawn('unshare', [...args, '--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      return new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text))))
    }
    expect(await start()).toBe('taken by 1\n')
    expect(await start()).toMatch(/: in use by another backend \(process 1\)/)
  },
  30_000,
)
