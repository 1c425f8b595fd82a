import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { claimData } from './owner.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'todo-owner-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const refusal = /^[^\n]*: in use by another backend: end it, or set EMBEDDED_POSTGRES_DIR or DATABASE_URL$/

test('the data belongs to one backend, and to the next one when it is given back', () => {
  const release = claimData(dir)
  expect(() => claimData(dir)).toThrow(refusal)
  release()
  claimData(dir)()
})

/** Starts a process that claims the data. Resolves with what it printed. */
async function claimElsewhere(command: string, args: readonly string[]) {
  const module = JSON.stringify(new URL('owner.ts', import.meta.url).href)
  const script = `
    const { claimData } = await import(${module})
    try { claimData(${JSON.stringify(dir)}); console.log('taken by', process.pid) }
    catch (error) { console.log(error.message); process.exit(1) }
    setInterval(() => globalThis.gc(), 100)`
  const node = [process.execPath, '--expose-gc', '--input-type=module', '-e', script]
  const [first = '', ...rest] = [command, ...args, ...node].filter(Boolean)
  const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [printed]: unknown[] = await once(child.stdout, 'data')
  return { child, printed: String(printed).trim() }
}

test('a backend that was killed has given it back', async () => {
  const { child, printed } = await claimElsewhere('', [])
  expect(printed).toBe(`taken by ${child.pid}`)
  expect(() => claimData(dir)).toThrow(refusal)
  child.kill('SIGKILL')
  await once(child, 'exit')
  claimData(dir)()
})

const namespace = ['--pid', '--fork', '--kill-child', '--mount-proc']
const hasNamespaces = ((): boolean => {
  try {
    execFileSync('unshare', [...namespace, 'true'], { stdio: 'ignore', timeout: 5000 })
    return true
  } catch {
    return false
  }
})()

test.runIf(hasNamespaces)(
  'process 1 of a container keeps its data from process 1 of another one',
  async () => {
    expect((await claimElsewhere('unshare', namespace)).printed).toBe('taken by 1')
    expect((await claimElsewhere('unshare', namespace)).printed).toMatch(refusal)
  },
)
