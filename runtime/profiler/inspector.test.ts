import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { compareProfiles } from '../../baselines/profiles/index.ts'
import { captureFromInspector } from './inspector.ts'
import { listLoopbackPorts, withInspectorPort } from './inspector-port.ts'

const spinning = fileURLToPath(new URL('testing/spinning.mjs', import.meta.url))
const root = realpathSync(dirname(spinning))

let children: ChildProcess[] = []
afterEach(() => {
  for (const { pid } of children) if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  children = []
})

/** Starts a program in a process group of its own, and waits until it has written something. */
async function start(program: string, ...args: string[]): Promise<number> {
  const env = { ...process.env, NODE_OPTIONS: withInspectorPort(undefined) }
  const child = spawn(program, args, { detached: true, env, stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  await once(child.stdout, 'data')
  if (child.pid === undefined) throw new Error(`${program} was not started`)
  return child.pid
}

function plan(durationMs: number) {
  let requests = 0
  return { root, durationMs, countRequests: () => (requests += 1), signal: AbortSignal.timeout(30_000) }
}

describe.runIf(process.platform === 'linux')('a Node process', () => {
  test('is profiled by function and file, and its inspector is closed again', async () => {
    // Code that was optimized before the profiler began has no record of what was inlined into it.
    const pid = await start(process.execPath, '--no-opt', '--no-maglev', spinning)
    const captured = await captureFromInspector(pid, plan(600))
    if (captured.state === 'failed') throw new Error(captured.reason)
    const nothing = { requests: 1, sampleMs: 1, roots: [] }
    const { changes } = compareProfiles(nothing, captured.profile)
    const [heavy, light] = ['heavy', 'light'].map((name) => changes.find((one) => one.name === name))
    expect(heavy).toMatchObject({ file: 'spinning.mjs', line: { candidate: 3 } })
    // Three times as many turns of the same loop, on a machine that does other things too.
    expect(heavy?.totalMs.candidate).toBeGreaterThan(1.5 * (light?.totalMs.candidate ?? 0))
    expect(listLoopbackPorts(pid)).toEqual([])
  })

  test('that does not open its inspector is left alone', async () => {
    const pid = await start(process.execPath, '--disable-sigusr1', spinning)
    const captured = await captureFromInspector(pid, plan(100))
    expect(captured).toMatchObject({ state: 'failed', reason: expect.stringContaining('target.profile') })
    expect(process.kill(pid, 0)).toBe(true)
  })

  test('of another program gets no signal, which would end it', async () => {
    const pid = await start('sh', '-c', 'echo ready; while :; do sleep 1; done')
    const captured = await captureFromInspector(pid, plan(100))
    expect(captured.state).toBe('failed')
    expect(process.kill(pid, 0)).toBe(true)
  })

  test('is given up when its time is over', async () => {
    const pid = await start(process.execPath, spinning)
    const signal = AbortSignal.timeout(300)
    const captured = await captureFromInspector(pid, { ...plan(60_000), signal })
    expect(captured.state).toBe('failed')
    expect(listLoopbackPorts(pid)).toEqual([])
  })

  test('that stands still opens its inspector later, which is closed then', async () => {
    const pid = await start(process.execPath, spinning)
    process.kill(pid, 'SIGSTOP')
    const interruption = new AbortController()
    let isOver = false
    const capturing = captureFromInspector(pid, { ...plan(60_000), signal: interruption.signal }).finally(
      () => (isOver = true),
    )
    interruption.abort()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(isOver).toBe(false)
    process.kill(pid, 'SIGCONT')
    expect((await capturing).state).toBe('failed')
    expect(listLoopbackPorts(pid)).toEqual([])
  })
})

test.each([
  [undefined, '--inspect-port=0'],
  ['--max-old-space-size=300', '--max-old-space-size=300 --inspect-port=0'],
  ['--inspect-port=9333', '--inspect-port=9333'],
])('the options of Node %j become %j', (before, after) => {
  expect(withInspectorPort(before)).toBe(after)
})
